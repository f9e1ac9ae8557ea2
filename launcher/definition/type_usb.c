// SPDX-License-Identifier: GPL-2.0-or-later
// Reads entries of 'usb': a vendor and a product.
#include "launcher/definition/type_usb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/definition/definition.h"

bool type_usb_number(const char *text, uint16_t *number)
{
	if (strspn(text, "0123456789abcdefABCDEF") < 4)
		return false;
	*number = (uint16_t)strtoul((char[]){ text[0], text[1], text[2], text[3], '\0' }, NULL, 16);
	return true;
}

static bool parse_id(const char *text, struct usb_id *id)
{
	struct usb_id parsed;

	if (strlen(text) != 9 || text[4] != ':' || !type_usb_number(text, &parsed.vendor) ||
	    !type_usb_number(text + 5, &parsed.product))
		return false;
	*id = parsed;
	return true;
}

static void read_usb(struct loader *loader, const struct key *key, const struct node *node,
		     void *target)
{
	if (!parse_id(node->text, target))
		schema_refuse(loader, key, node);
}

static struct json_object *write_usb(const struct key *key, const void *target)
{
	const struct usb_id *id = target;
	char text[16];

	snprintf(text, sizeof(text), "%04x:%04x", id->vendor, id->product);
	return json_object_new_string(text);
}

const struct type type_usb = {
	NODE_SCALAR, "a vendor and a product such as 046d:c52b, as lsusb shows them",
	NULL,        read_usb,
	write_usb,
};
