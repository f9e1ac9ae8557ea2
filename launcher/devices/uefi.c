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

/* Descriptors of firmware packages, in JSON (QEMU's docs/interop/firmware.json). */

/* Returns true if a pattern (fnmatch(3)) of an array, which may be missing, matches @value. */
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

/* Returns a name with a version, since descriptors have patterns like "pc-q35-*" for 'q35'. */
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

static bool is_target(struct json_object *descriptor, const struct uefi_request *request)
{
	struct json_object *targets = json_member(descriptor, "targets", json_type_array);
	size_t count = targets ? json_object_array_length(targets) : 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *target = json_object_array_get_idx(targets, i);

		if (!strcmp(json_text(target, "architecture"), request->architecture) &&
		    lists(target, "machines", versioned(request->machine)))
			return true;
	}
	return false;
}

static bool fits(struct json_object *descriptor, const struct uefi_request *request)
{
	bool secure = lists(descriptor, "features", "secure-boot");
	bool enrolled = lists(descriptor, "features", "enrolled-keys");
	bool smm = lists(descriptor, "features", "requires-smm");

	if (!lists(descriptor, "interface-types", "uefi") || !is_target(descriptor, request))
		return false;
	/* Without SMM the guest's system could write the keys; other firmware does not need SMM. */
	return request->secure_boot ? secure && enrolled && smm : !enrolled && !smm;
}

/* Returns the path of a firmware file, or NULL if it is not readable, and sets its format. */
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

static int take(struct json_object *descriptor, const struct uefi_request *request,
		struct uefi *uefi)
{
	struct json_object *mapping = json_member(descriptor, "mapping", json_type_object);
	const char *mode = json_text(mapping, "mode");
	const char *code, *variables;

	/* Other devices and modes are for firmware without variables in a file of its own. */
	if (!fits(descriptor, request) || strcmp(json_text(mapping, "device"), "flash") ||
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

/* Skips a descriptor that is not JSON; an empty one serves to hide those with the same name. */
static int try_file(const char *directory, const char *name, const struct uefi_request *request,
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
	ret = take(descriptor, request, uefi);
	json_object_put(descriptor);
	return ret;
}

static int is_descriptor(const struct dirent *entry)
{
	return !fnmatch("*.json", entry->d_name, FNM_PERIOD);
}

/* Compares names bytewise, since alphasort(3) depends on the locale. */
static int compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* struct listing - a directory's descriptors by name; @next: the first that is not tried yet. */
struct listing {
	struct dirent **entries;
	int count;
	int next;
};

/* Returns the least name left, from the first directory with it; skips it in the others. */
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

int uefi_find_described(const char *const *directories, const struct uefi_request *request,
			struct uefi *uefi)
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
		ret = try_file(directories[index], name, request, &found);
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

/* The user's directory is not searched, so that a definition gives all users the same machine. */
static const char *const descriptors[] = { "/etc/qemu/firmware", "/usr/share/qemu/firmware", NULL };

/* Paths on hosts without descriptors, for q35 and pc. The first pair that exists is used. */
static const struct candidate {
	const char *code;
	const char *variables;
	bool secure_boot;
} candidates[] = {
	/* Debian, Ubuntu; variables of 4M have room for the lists of revoked programs. */
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
	/* Arch; it has no variables with keys */
	{ "/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd", false },
	{ "/usr/share/edk2/x64/OVMF_CODE.fd", "/usr/share/edk2/x64/OVMF_VARS.fd", false },
};

static enum disk_format format_of(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && !strcmp(dot, ".qcow2") ? DISK_FORMAT_QCOW2 : DISK_FORMAT_RAW;
}

static bool is_pc(const struct uefi_request *request)
{
	return !strcmp(request->architecture, "x86_64") &&
	       (!strcmp(request->machine, "q35") || !strcmp(request->machine, "pc") ||
		!strncmp(request->machine, "pc-q35-", 7) ||
		!strncmp(request->machine, "pc-i440fx-", 10));
}

static int find_candidate(const struct uefi_request *request, struct uefi *uefi)
{
	for (size_t i = 0; i < ARRAY_SIZE(candidates) && is_pc(request); i++) {
		const struct candidate *candidate = &candidates[i];

		if (candidate->secure_boot != request->secure_boot ||
		    access(candidate->code, R_OK) || access(candidate->variables, R_OK))
			continue;
		uefi->code = strdup(candidate->code);
		uefi->variables = strdup(candidate->variables);
		uefi->code_format = format_of(candidate->code);
		uefi->variables_format = format_of(candidate->variables);
		return uefi->code && uefi->variables ? 0 : -ENOMEM;
	}
	return -ENOENT;
}

static int not_found(const struct uefi_request *request, struct error *err)
{
	error_setf(err, STATUS_FAILURE, ENOENT,
		   "cannot find a UEFI firmware%s for machine type '%s' of %s",
		   request->secure_boot ? " with secure boot and its keys" : "", request->machine,
		   request->architecture);
	error_remedy(err, "install it: sudo apt-get install %s",
		     strcmp(request->architecture, "aarch64") ? "ovmf" : "qemu-efi-aarch64");
	error_remedy(err, "vmrun searched the descriptors in:");
	for (size_t i = 0; descriptors[i]; i++)
		error_remedy(err, "  %s", descriptors[i]);
	for (size_t i = 0; i < ARRAY_SIZE(candidates) && is_pc(request); i++)
		if (candidates[i].secure_boot == request->secure_boot)
			error_remedy(err, "  and the file %s", candidates[i].code);
	return -ENOENT;
}

int uefi_find(const struct definition *definition, struct uefi *uefi, struct error *err)
{
	const struct uefi_request request = {
		.architecture = machine_architecture(definition),
		.machine = definition->machine.type,
		.secure_boot = definition->machine.secure_boot,
	};
	struct uefi found = { 0 };
	int ret;

	ret = uefi_find_described(descriptors, &request, &found);
	if (ret == -ENOENT)
		ret = find_candidate(&request, &found);
	if (!ret) {
		*uefi = found;
		return 0;
	}
	uefi_done(&found);
	return ret == -ENOENT ? not_found(&request, err)
			      : error_set_errno(err, -ret, "cannot find a UEFI firmware");
}
