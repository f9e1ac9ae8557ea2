// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the UEFI firmware of the host that fits a machine.
#include "launcher/devices/uefi.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/common/json.h"
#include "launcher/common/text.h"
#include "launcher/definition/machine.h"
#include "netsetup/base/cleanup.h"

#define DIRECTORIES_MAX 4

void uefi_done(struct uefi *uefi)
{
	free(uefi->code);
	free(uefi->variables);
	*uefi = (struct uefi){ 0 };
}

/* Firmware as its packages describe it, in JSON (QEMU's docs/interop/firmware.json). */

/* Whether an array of texts, which may be missing, has this one; patterns as in fnmatch(3). */
static bool lists(struct json_object *object, const char *name, const char *value)
{
	struct json_object *array = json_member(object, name, json_type_array);
	size_t count = array ? json_object_array_length(array) : 0;

	for (size_t i = 0; i < count; i++) {
		const char *entry = json_object_get_string(json_object_array_get_idx(array, i));

		if (entry && !fnmatch(entry, value, 0))
			return true;
	}
	return false;
}

/* Descriptors name machine types with their versions: "pc-q35-*" stands for 'q35', too. */
static const char *versioned(const char *machine)
{
	static const char *const aliases[][2] = {
		{ "q35", "pc-q35-0.0" },
		{ "pc", "pc-i440fx-0.0" },
		{ "virt", "virt-0.0" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (!strcmp(machine, aliases[i][0]))
			return aliases[i][1];
	return machine;
}

static bool is_target(struct json_object *descriptor, const struct uefi_wish *wish)
{
	struct json_object *targets = json_member(descriptor, "targets", json_type_array);
	size_t count = targets ? json_object_array_length(targets) : 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *target = json_object_array_get_idx(targets, i);

		if (!strcmp(json_text(target, "architecture"), wish->architecture) &&
		    lists(target, "machines", versioned(wish->machine)))
			return true;
	}
	return false;
}

static bool fits(struct json_object *descriptor, const struct uefi_wish *wish)
{
	bool secure = lists(descriptor, "features", "secure-boot");
	bool enrolled = lists(descriptor, "features", "enrolled-keys");
	bool smm = lists(descriptor, "features", "requires-smm");

	if (!lists(descriptor, "interface-types", "uefi") || !is_target(descriptor, wish))
		return false;
	/* Without SMM the system could write the keys itself; and without secure boot none is needed. */
	return wish->secure_boot ? secure && enrolled && smm : !enrolled && !smm;
}

/* A file of the firmware: its path, or NULL when it is not there; and its format. */
static const char *file(struct json_object *mapping, const char *name, enum disk_format *format)
{
	struct json_object *described = json_member(mapping, name, json_type_object);
	const char *path = json_text(described, "filename");
	const char *written = json_text(described, "format");

	if (path[0] != '/' || access(path, R_OK))
		return NULL;
	*format = strcmp(written, "qcow2") ? DISK_FORMAT_RAW : DISK_FORMAT_QCOW2;
	return *format == DISK_FORMAT_RAW && strcmp(written, "raw") ? NULL : path;
}

static int take(struct json_object *descriptor, const struct uefi_wish *wish, struct uefi *uefi)
{
	struct json_object *mapping = json_member(descriptor, "mapping", json_type_object);
	const char *mode = json_text(mapping, "mode");
	const char *code, *variables;

	/* Other devices and modes are for firmware that keeps no variables of its own. */
	if (!fits(descriptor, wish) || strcmp(json_text(mapping, "device"), "flash") ||
	    (mode[0] && strcmp(mode, "split")))
		return -ENOENT;
	code = file(mapping, "executable", &uefi->code_format);
	variables = file(mapping, "nvram-template", &uefi->variables_format);
	if (!code || !variables)
		return -ENOENT;
	uefi->code = strdup(code);
	uefi->variables = strdup(variables);
	return uefi->code && uefi->variables ? 0 : -ENOMEM;
}

/* One that cannot be read, an empty one for example, hides its namesakes and describes nothing. */
static int try_file(const char *directory, const char *name, const struct uefi_wish *wish,
		    struct uefi *uefi)
{
	cleanup_free char *path = NULL;
	struct json_object *descriptor;
	int ret;

	path = text_format("%s/%s", directory, name);
	if (!path)
		return -ENOMEM;
	descriptor = json_object_from_file(path);
	if (!descriptor)
		return -ENOENT;
	ret = take(descriptor, wish, uefi);
	json_object_put(descriptor);
	return ret;
}

static int is_descriptor(const struct dirent *entry)
{
	return !fnmatch("*.json", entry->d_name, FNM_PERIOD);
}

/* Not alphasort(), which depends on the locale. */
static int compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* struct listing - a directory's descriptors by name; @next: the first that was not tried yet. */
struct listing {
	struct dirent **entries;
	int count;
	int next;
};

/* The least name of all that are left, in the earliest directory that has it; the others' go. */
static const char *next_name(struct listing *listings, size_t count, size_t *index)
{
	const char *least = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct listing *each = &listings[i];

		if (each->next < each->count &&
		    (!least || strcmp(each->entries[each->next]->d_name, least) < 0)) {
			least = each->entries[each->next]->d_name;
			*index = i;
		}
	}
	for (size_t i = 0; i < count && least; i++) {
		struct listing *each = &listings[i];

		if (each->next < each->count && !strcmp(each->entries[each->next]->d_name, least))
			each->next++;
	}
	return least;
}

static void listing_done(struct listing *listing)
{
	while (listing->count > 0)
		free(listing->entries[--listing->count]);
	free(listing->entries);
}

int uefi_described(const char *const *directories, const struct uefi_wish *wish, struct uefi *uefi)
{
	struct listing listings[DIRECTORIES_MAX] = { 0 };
	struct uefi found = { 0 };
	const char *name;
	size_t count = 0;
	size_t index = 0;
	int ret = -ENOENT;

	for (; count < DIRECTORIES_MAX && directories[count]; count++)
		listings[count].count = scandir(directories[count], &listings[count].entries,
						is_descriptor, compare);
	while (ret == -ENOENT && (name = next_name(listings, count, &index))) {
		uefi_done(&found);
		ret = try_file(directories[index], name, wish, &found);
	}
	for (size_t i = 0; i < count; i++)
		listing_done(&listings[i]);
	if (ret)
		uefi_done(&found);
	else
		*uefi = found;
	return ret;
}

/* The firmware of this host. */

/* A user's own descriptors are not looked at: the same definition is the same machine for all. */
static const char *const descriptors[] = { "/etc/qemu/firmware", "/usr/share/qemu/firmware", NULL };

/* Where it is on hosts without descriptors; for q35 and pc. The first that is there. */
static const struct place {
	const char *code;
	const char *variables;
	bool secure_boot;
} places[] = {
	/* Debian, Ubuntu; what ends in 4M has room for the lists of what must not start any more. */
	{ "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd", false },
	{ "/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd", false },
	{ "/usr/share/OVMF/OVMF_CODE_4M.ms.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd", true },
	{ "/usr/share/OVMF/OVMF_CODE.secboot.fd", "/usr/share/OVMF/OVMF_VARS.ms.fd", true },
	/* Fedora */
	{ "/usr/share/edk2/ovmf/OVMF_CODE_4M.qcow2", "/usr/share/edk2/ovmf/OVMF_VARS_4M.qcow2",
	  false },
	{ "/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd", false },
	{ "/usr/share/edk2/ovmf/OVMF_CODE_4M.secboot.qcow2",
	  "/usr/share/edk2/ovmf/OVMF_VARS_4M.secboot.qcow2", true },
	{ "/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd", "/usr/share/edk2/ovmf/OVMF_VARS.secboot.fd",
	  true },
	/* Arch, which has no variables with keys */
	{ "/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd", false },
	{ "/usr/share/edk2/x64/OVMF_CODE.fd", "/usr/share/edk2/x64/OVMF_VARS.fd", false },
};

static enum disk_format format_of(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && !strcmp(dot, ".qcow2") ? DISK_FORMAT_QCOW2 : DISK_FORMAT_RAW;
}

static bool is_pc(const struct uefi_wish *wish)
{
	return !strcmp(wish->architecture, "x86_64") &&
	       (!strcmp(wish->machine, "q35") || !strcmp(wish->machine, "pc") ||
		!strncmp(wish->machine, "pc-q35-", 7) || !strncmp(wish->machine, "pc-i440fx-", 10));
}

static int find_place(const struct uefi_wish *wish, struct uefi *uefi)
{
	for (size_t i = 0; i < ARRAY_SIZE(places) && is_pc(wish); i++) {
		const struct place *place = &places[i];

		if (place->secure_boot != wish->secure_boot || access(place->code, R_OK) ||
		    access(place->variables, R_OK))
			continue;
		uefi->code = strdup(place->code);
		uefi->variables = strdup(place->variables);
		uefi->code_format = format_of(place->code);
		uefi->variables_format = format_of(place->variables);
		return uefi->code && uefi->variables ? 0 : -ENOMEM;
	}
	return -ENOENT;
}

static int not_found(const struct uefi_wish *wish, struct error *err)
{
	error_say(err, STATUS_FAILURE, ENOENT,
		  "cannot find a UEFI firmware%s for machine type '%s' of %s",
		  wish->secure_boot ? " with secure boot and its keys" : "", wish->machine,
		  wish->architecture);
	error_remedy(err, "install it: apt-get install %s",
		     strcmp(wish->architecture, "aarch64") ? "ovmf" : "qemu-efi-aarch64");
	error_remedy(err, "it was looked for by the descriptors in:");
	for (size_t i = 0; descriptors[i]; i++)
		error_remedy(err, "  %s", descriptors[i]);
	for (size_t i = 0; i < ARRAY_SIZE(places) && is_pc(wish); i++)
		if (places[i].secure_boot == wish->secure_boot)
			error_remedy(err, "  and as %s", places[i].code);
	return -ENOENT;
}

int uefi_find(const struct definition *definition, struct uefi *uefi, struct error *err)
{
	const struct uefi_wish wish = {
		.architecture = machine_architecture(definition),
		.machine = definition->machine.type,
		.secure_boot = definition->machine.secure_boot,
	};
	struct uefi found = { 0 };
	int ret;

	ret = uefi_described(descriptors, &wish, &found);
	if (ret == -ENOENT)
		ret = find_place(&wish, &found);
	if (!ret) {
		*uefi = found;
		return 0;
	}
	uefi_done(&found);
	return ret == -ENOENT ? not_found(&wish, err)
			      : error_set(err, -ret, "cannot find a UEFI firmware");
}
