// SPDX-License-Identifier: GPL-2.0-or-later
// Manages the UEFI variables of a VM, a copy of the firmware's template.
#include "launcher/devices/uefi_vars.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/common/argv.h"
#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "launcher/definition/machine.h"
#include "netsetup/base/cleanup.h"

#define TEMPORARY "uefi.tmp-XXXXXX"

/* More bytes than any firmware's template has; a larger file is refused. */
#define VARIABLES_MAX (64 << 20)

/*
 * Returns the path, which the caller frees. Secure boot has another template, with keys, so its
 * variables have another path: the two cannot replace each other.
 */
static char *variables_path(const char *directory, const struct definition *definition,
			    const struct uefi *uefi)
{
	if (!machine_keeps_state(definition))
		return text_format("%s/" TEMPORARY, directory);
	return text_format("%s/uefi%s.%s", directory,
			   definition->machine.secure_boot ? "-secure" : "",
			   uefi->variables_format == DISK_FORMAT_QCOW2 ? "qcow2" : "fd");
}

static int copy_whole(int from, int to)
{
	off_t copied = 0;
	ssize_t got;

	do {
		got = sendfile(to, from, NULL, VARIABLES_MAX);
		if (got < 0 && errno != EINTR)
			return -errno;
		copied += got > 0 ? got : 0;
		if (copied > VARIABLES_MAX)
			return -EFBIG;
	} while (got != 0);
	return fsync(to) ? -errno : 0;
}

/* Copies the template to a temporary file, which the caller keeps, renames or removes. */
static int make_copy(const char *directory, const char *template, char **path, struct error *err)
{
	cleanup_free char *made = NULL;
	cleanup_fd int from = open(template, O_RDONLY | O_CLOEXEC);
	cleanup_fd int to = -1;
	int ret;

	if (from < 0)
		return error_set_errno(err, errno, "cannot open '%s'", template);
	made = text_format("%s/" TEMPORARY, directory);
	if (!made)
		return error_set_errno(err, ENOMEM, "cannot copy '%s'", template);
	to = mkostemp(made, O_CLOEXEC);
	if (to < 0)
		return error_set_errno(err, errno, "cannot make a file in '%s'", directory);
	ret = copy_whole(from, to);
	if (ret) {
		unlink(made);
		return error_set_errno(err, -ret, "cannot copy '%s' to '%s'", template, made);
	}
	*path = take_ptr(&made);
	return 0;
}

/* Checks the size, since variables are laid out for the flash chip of their firmware. */
static int check(const char *path, const struct uefi *uefi, const struct definition *definition,
		 struct error *err)
{
	struct stat ours, theirs;

	if (stat(path, &ours) < 0)
		return error_set_errno(err, errno, "cannot use UEFI variables '%s'", path);
	if (stat(uefi->variables, &theirs) < 0)
		return error_set_errno(err, errno, "cannot open '%s'", uefi->variables);
	if (uefi->variables_format != DISK_FORMAT_RAW || ours.st_size == theirs.st_size)
		return 0;
	error_setf(err, STATUS_FAILURE, EINVAL,
		   "cannot use UEFI variables '%s': they have %jd bytes, those of the host's "
		   "firmware '%s' have %jd",
		   path, (intmax_t)ours.st_size, uefi->code, (intmax_t)theirs.st_size);
	error_remedy(err, "let the firmware make new ones: rm %s", ARGV_WORD(path));
	error_remedy(err, "or start afresh (what the guest wrote is lost): vmrun reset %s",
		     definition->name);
	return -EINVAL;
}

static int make_variables(const struct definition *definition, const char *directory,
			  struct firmware *firmware, struct error *err)
{
	cleanup_free char *path = variables_path(directory, definition, &firmware->uefi);
	cleanup_free char *copy = NULL;
	int ret;

	if (!path)
		return error_set_errno(err, ENOMEM, "cannot make UEFI variables");
	firmware->temporary = !machine_keeps_state(definition);
	if (!firmware->temporary && access(path, F_OK) == 0) {
		ret = check(path, &firmware->uefi, definition, err);
		if (!ret)
			firmware->variables = take_ptr(&path);
		return ret;
	}
	ret = make_copy(directory, firmware->uefi.variables, &copy, err);
	if (ret)
		return ret;
	if (firmware->temporary) {
		firmware->variables = take_ptr(&copy);
		return 0;
	}
	if (rename(copy, path)) {
		ret = error_set_errno(err, errno, "cannot make UEFI variables '%s'", path);
		unlink(copy);
		return ret;
	}
	firmware->variables = take_ptr(&path);
	return 0;
}

int uefi_vars_prepare(const struct definition *definition, const char *directory,
		      struct firmware *firmware, struct error *err)
{
	struct firmware made = { 0 };
	int ret;

	if (!definition->machine.firmware.uefi)
		return 0;
	ret = uefi_find(definition, &made.uefi, err);
	if (!ret)
		ret = make_variables(definition, directory, &made, err);
	if (ret) {
		uefi_done(&made.uefi);
		return ret;
	}
	*firmware = made;
	return 0;
}

int uefi_vars_plan(const struct definition *definition, const char *directory, bool words,
		   struct firmware *firmware, struct error *err)
{
	struct firmware planned = { 0 };
	int ret = 0;

	if (!definition->machine.firmware.uefi)
		return 0;
	if (!words)
		ret = uefi_find(definition, &planned.uefi, err);
	else
		planned.uefi.code = strdup("UEFI");
	if (!ret)
		planned.variables = variables_path(directory, definition, &planned.uefi);
	if (!ret && (!planned.uefi.code || !planned.variables))
		ret = error_set_errno(err, ENOMEM, "cannot plan the firmware");
	if (ret) {
		uefi_vars_done(&planned);
		return ret;
	}
	*firmware = planned;
	return 0;
}

void uefi_vars_configure(const struct firmware *firmware, struct machine_plan *plan)
{
	plan->uefi_code = firmware->uefi.code;
	plan->uefi_code_format = firmware->uefi.code_format;
	plan->uefi_variables = firmware->variables;
	plan->uefi_variables_format = firmware->uefi.variables_format;
}

void uefi_vars_opened(struct firmware *firmware)
{
	if (firmware->temporary)
		unlink(firmware->variables);
	firmware->temporary = false;
}

void uefi_vars_done(struct firmware *firmware)
{
	uefi_vars_opened(firmware);
	uefi_done(&firmware->uefi);
	free(firmware->variables);
	*firmware = (struct firmware){ 0 };
}

void uefi_vars_reset(const char *directory, const struct removal *removal)
{
	remove_matching(removal, directory, "uefi*.fd", NULL);
	remove_matching(removal, directory, "uefi*.qcow2", NULL);
}

void uefi_vars_remove_stale(const char *directory, const struct removal *removal)
{
	remove_matching(removal, directory, "uefi.tmp-??????", NULL);
}
