// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the host's USB devices that a guest gets, by vendor and product.
#include "launcher/devices/usb.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/common/text.h"
#include "launcher/definition/type_usb.h"
#include "netsetup/base/cleanup.h"

/* bDeviceClass of a hub, which no guest gets. */
#define CLASS_HUB "09"

#define NAME_SIZE 64

/**
 * struct usb_device - a device that is plugged in.
 * @id: vendor and product.
 * @hub: true for a hub.
 * @bus, @number: its address, from which its node has its name.
 * @name: the device's own name, safe to show; or empty.
 */
struct usb_device {
	struct usb_id id;
	bool hub;
	unsigned int bus;
	unsigned int number;
	char name[NAME_SIZE];
};

/* Reads an attribute of a device in /sys, without its newline. */
static bool read_attribute(const char *devices, const char *device, const char *name, char *text,
			   int size)
{
	cleanup_free char *path = NULL;
	cleanup_file FILE *file = NULL;

	path = text_format("%s/%s/%s", devices, device, name);
	if (!path)
		return false;
	file = fopen(path, "re");
	if (!file || !fgets(text, size, file))
		return false;
	text[strcspn(text, "\n")] = '\0';
	return true;
}

/* Threat: a device's name, which its maker chooses, has control characters for the terminal. */
static void make_safe(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* Returns false if the entry is not a device: an interface lacks these attributes. */
static bool read_device(const char *devices, const char *name, struct usb_device *device)
{
	char vendor[8], product[8], bus[8], number[8], class[8];

	*device = (struct usb_device){ 0 };
	if (!read_attribute(devices, name, "idVendor", vendor, sizeof(vendor)) ||
	    !read_attribute(devices, name, "idProduct", product, sizeof(product)) ||
	    !read_attribute(devices, name, "busnum", bus, sizeof(bus)) ||
	    !read_attribute(devices, name, "devnum", number, sizeof(number)) ||
	    !type_usb_number(vendor, &device->id.vendor) ||
	    !type_usb_number(product, &device->id.product))
		return false;
	device->bus = (unsigned int)strtoul(bus, NULL, 10);
	device->number = (unsigned int)strtoul(number, NULL, 10);
	device->hub = read_attribute(devices, name, "bDeviceClass", class, sizeof(class)) &&
		      !strcmp(class, CLASS_HUB);
	if (!read_attribute(devices, name, "product", device->name, sizeof(device->name)))
		device->name[0] = '\0';
	make_safe(device->name);
	return true;
}

/* Returns an array of the devices, sorted by name, which the caller frees. */
static int list_devices(const char *devices, struct usb_device **list, size_t *count,
			struct error *err)
{
	struct dirent **entries = NULL;
	int found = scandir(devices, &entries, NULL, alphasort);
	struct usb_device *made;

	if (found < 0 && errno != ENOENT)
		return error_set_errno(err, errno, "cannot list the USB devices of '%s'", devices);
	found = found < 0 ? 0 : found;
	made = calloc((size_t)found + 1, sizeof(*made));
	*count = 0;
	for (int i = 0; i < found; i++) {
		if (made && entries[i]->d_name[0] != '.' &&
		    read_device(devices, entries[i]->d_name, &made[*count]))
			++*count;
		free(entries[i]);
	}
	free(entries);
	if (!made)
		return error_set_errno(err, ENOMEM, "cannot list the USB devices");
	*list = made;
	return 0;
}

static int absent(const struct usb_id *id, const struct usb_device *list, size_t count,
		  struct error *err)
{
	char known[ERROR_REMEDY_SIZE - 64] = "";
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		char text[NAME_SIZE + 32];
		int length = snprintf(text, sizeof(text), "%s%04x:%04x%s%s%s", used ? ", " : "",
				      list[i].id.vendor, list[i].id.product,
				      list[i].name[0] ? " (" : "", list[i].name,
				      list[i].name[0] ? ")" : "");

		/* A device that does not fit is left out. */
		if (list[i].hub || used + (size_t)length >= sizeof(known))
			continue;
		memcpy(known + used, text, (size_t)length + 1);
		used += (size_t)length;
	}
	error_setf(err, STATUS_FAILURE, ENODEV, "USB device '%04x:%04x' is not plugged in",
		   id->vendor, id->product);
	error_remedy(err, "plugged in: %s", used ? known : "no device but hubs");
	return -ENODEV;
}

static int denied(const struct usb_id *id, const char *node, int code, struct error *err)
{
	error_set_errno(err, code, "cannot use USB device '%04x:%04x' at '%s'", id->vendor,
			id->product, node);
	err->status = STATUS_PERMISSION;
	error_remedy(err,
		     "give the local user access, and plug it in again: echo 'SUBSYSTEM==\"usb\", "
		     "ATTR{idVendor}==\"%04x\", ATTR{idProduct}==\"%04x\", TAG+=\"uaccess\"' | "
		     "sudo tee /etc/udev/rules.d/70-vmrun-%04x-%04x.rules",
		     id->vendor, id->product, id->vendor, id->product);
	return -code;
}

/* Checks that the user may use at least one device with this id. */
static int check_one(const struct usb_id *id, const struct usb_device *list, size_t count,
		     const char *nodes, struct error *err)
{
	bool seen = false;

	for (size_t i = 0; i < count; i++) {
		cleanup_free char *node = NULL;

		if (list[i].id.vendor != id->vendor || list[i].id.product != id->product)
			continue;
		node = text_format("%s/%03u/%03u", nodes, list[i].bus, list[i].number);
		if (!node)
			return error_set_errno(err, ENOMEM, "cannot look for USB devices");
		if (access(node, R_OK | W_OK) == 0)
			return 0;
		denied(id, node, errno, err);
		seen = true;
	}
	return seen ? -err->code : absent(id, list, count, err);
}

int usb_check(const struct definition *definition, const char *devices, const char *nodes,
	      struct error *err)
{
	cleanup_free struct usb_device *list = NULL;
	size_t count = 0;
	int ret;

	if (!definition->usb_count)
		return 0;
	ret = list_devices(devices, &list, &count, err);
	for (unsigned int i = 0; i < definition->usb_count && ret == 0; i++)
		ret = check_one(&definition->usb[i], list, count, nodes, err);
	return ret;
}
