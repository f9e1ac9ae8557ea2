// SPDX-License-Identifier: GPL-2.0-or-later
// Locks, cleans and resets the directory of a VM's lasting files.
#include "launcher/run/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "launcher/common/file.h"
#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "launcher/devices/tpm.h"
#include "launcher/devices/uefi_vars.h"
#include "launcher/disks/disks.h"
#include "launcher/disks/overlay.h"
#include "launcher/guest/login.h"
#include "netsetup/base/cleanup.h"

static bool needed(const struct definition *definition)
{
	if (definition->machine.firmware.uefi || definition->machine.tpm ||
	    disks_have_overlay(definition))
		return true;
	return login_wanted(definition) &&
	       (definition->cloud_init.ssh_keys_auto || !definition->cloud_init.present);
}

/*
 * Opens a file that serves only as the lock: on some network file systems flock(2) on an overlay
 * would conflict with QEMU's own locks.
 */
static int open_lock(const char *directory)
{
	cleanup_free char *path = NULL;
	int fd;

	path = text_format("%s/lock", directory);
	if (!path)
		return -ENOMEM;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	return fd < 0 ? -errno : fd;
}

/* Retries for a moment: start, clean and doctor lock each VM while they remove stale files. */
static int lock_directory(const char *directory, int *lock)
{
	cleanup_fd int fd = open_lock(directory);
	int ret;

	if (fd < 0)
		return fd;
	ret = file_lock_soon(fd);
	if (ret)
		return ret;
	*lock = take_fd(&fd);
	return 0;
}

static void remove_temporary(const char *directory, const struct removal *removal)
{
	overlay_remove_stale(directory, removal);
	uefi_vars_remove_stale(directory, removal);
	tpm_remove_stale(directory, removal);
}

int state_dir_take(const struct definition *definition, struct state_dir *state_dir,
		   struct error *err)
{
	cleanup_free char *path = NULL;
	int ret;

	*state_dir = (struct state_dir)STATE_DIR_NONE;
	if (!needed(definition))
		return 0;
	ret = xdg_dir(XDG_DATA, definition->name, &path, err);
	if (!ret)
		ret = xdg_make(path, err);
	if (ret)
		return ret;

	ret = lock_directory(path, &state_dir->lock);
	if (ret == -EBUSY)
		return error_setf(err, STATUS_FAILURE, EBUSY,
				  "cannot use the disks of '%s': another run uses them",
				  definition->name);
	if (ret)
		return error_set_errno(err, -ret, "cannot lock '%s'", path);
	remove_temporary(path, &(struct removal){ 0 });
	state_dir->directory = take_ptr(&path);
	return 0;
}

void state_dir_end(struct state_dir *state_dir)
{
	if (state_dir->lock >= 0)
		remove_temporary(state_dir->directory, &(struct removal){ 0 });
	free(state_dir->directory);
	cleanup_fd_done(&state_dir->lock);
	*state_dir = (struct state_dir)STATE_DIR_NONE;
}

int state_dir_reset(const char *name, const struct removal *removal, struct error *err)
{
	cleanup_free char *directory = NULL;
	cleanup_fd int lock = -1;
	int ret;

	ret = xdg_dir(XDG_DATA, name, &directory, err);
	if (ret)
		return ret;
	ret = lock_directory(directory, &lock);
	if (ret == -ENOENT)
		return 0;
	if (ret == -EBUSY) {
		error_setf(err, STATUS_FAILURE, EBUSY, "cannot reset '%s': it is running", name);
		error_remedy(err, "stop it first");
		return -EBUSY;
	}
	if (ret)
		return error_set_errno(err, -ret, "cannot lock '%s'", directory);
	overlay_reset(directory, removal);
	login_reset(directory, removal);
	uefi_vars_reset(directory, removal);
	tpm_reset(directory, removal);
	return 0;
}

void state_dir_remove_stale(const char *name, const struct removal *removal)
{
	cleanup_free char *directory = NULL;
	struct error ignored;
	cleanup_fd int lock = -1;

	if (xdg_dir(XDG_DATA, name, &directory, &ignored))
		return;
	/* open() makes no lock file if the VM has no directory. */
	lock = open_lock(directory);
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0)
		remove_temporary(directory, removal);
}
