// SPDX-License-Identifier: GPL-2.0-or-later
// What a VM's UEFI firmware works on: the host's program, and the VM's own variables.
#include "launcher/devices/uefi_vars.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "launcher/definition/machine.h"
#include "netsetup/base/cleanup.h"

#define TEMPORARY "uefi.tmp-XXXXXX"

/* More than any firmware's; a template that never ends is none. */
#define VARIABLES_MAX (64 << 20)

/*
 * With secure boot the template is another, with keys: variables of the one are of no use with the
 * other, so both can be there.
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

/* A copy of the template that is not complete yet, or is to be thrown away. */
static int make_copy(const char *directory, const char *template, char **path, struct error *err)
{
	cleanup_free char *made = NULL;
	cleanup_fd int from = open(template, O_RDONLY | O_CLOEXEC);
	cleanup_fd int to = -1;
	int ret;

	if (from < 0)
		return error_set(err, errno, "cannot open '%s'", template);
	made = text_format("%s/" TEMPORARY, directory);
	if (!made)
		return error_set(err, ENOMEM, "cannot copy '%s'", template);
	to = mkostemp(made, O_CLOEXEC);
	if (to < 0)
		return error_set(err, errno, "cannot make a file in '%s'", directory);
	ret = copy_whole(from, to);
	if (ret) {
		unlink(made);
		return error_set(err, -ret, "cannot copy '%s' to '%s'", template, made);
	}
	*path = take_ptr(&made);
	return 0;
}

/* Variables are laid out for a flash chip's size: those of another firmware may not fit. */
static int check(const char *path, const struct uefi *uefi, const struct definition *definition,
		 struct error *err)
{
	struct stat ours, theirs;

	if (stat(path, &ours) < 0)
		return error_set(err, errno, "cannot use UEFI variables '%s'", path);
	if (stat(uefi->variables, &theirs) < 0)
		return error_set(err, errno, "cannot open '%s'", uefi->variables);
	if (uefi->variables_format != DISK_FORMAT_RAW || ours.st_size == theirs.st_size)
		return 0;
	error_say(err, STATUS_FAILURE, EINVAL,
		  "cannot use UEFI variables '%s': they have %jd bytes, those of the host's "
		  "firmware '%s' have %jd",
		  path, (intmax_t)ours.st_size, uefi->code, (intmax_t)theirs.st_size);
	error_remedy(err, "let the firmware make new ones: rm '%s'", path);
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
		return error_set(err, ENOMEM, "cannot make UEFI variables");
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
		ret = error_set(err, errno, "cannot make UEFI variables '%s'", path);
		unlink(copy);
		return ret;
	}
	firmware->variables = take_ptr(&path);
	return 0;
}

int firmware_prepare(const struct definition *definition, const char *directory,
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

int firmware_plan(const struct definition *definition, const char *directory, bool words,
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
		ret = error_set(err, ENOMEM, "cannot plan the firmware");
	if (ret) {
		firmware_done(&planned);
		return ret;
	}
	*firmware = planned;
	return 0;
}

void firmware_configure(const struct firmware *firmware, struct machine_plan *plan)
{
	plan->uefi_code = firmware->uefi.code;
	plan->uefi_code_format = firmware->uefi.code_format;
	plan->uefi_variables = firmware->variables;
	plan->uefi_variables_format = firmware->uefi.variables_format;
}

void firmware_opened(struct firmware *firmware)
{
	if (firmware->temporary)
		unlink(firmware->variables);
	firmware->temporary = false;
}

void firmware_done(struct firmware *firmware)
{
	firmware_opened(firmware);
	uefi_done(&firmware->uefi);
	free(firmware->variables);
	*firmware = (struct firmware){ 0 };
}

void firmware_reset(const char *directory, const struct sweep *sweep)
{
	sweep_files(sweep, directory, "uefi*.fd", NULL);
	sweep_files(sweep, directory, "uefi*.qcow2", NULL);
}

void firmware_sweep(const char *directory, const struct sweep *sweep)
{
	sweep_files(sweep, directory, "uefi.tmp-??????", NULL);
}
