// SPDX-License-Identifier: GPL-2.0-or-later
// What a VM keeps between its runs, in a directory of its own: taken by one run at a time, thrown away.
#include "launcher/run/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "launcher/common/file.h"
#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "launcher/devices/tpm.h"
#include "launcher/devices/uefi_vars.h"
#include "launcher/disks/disk.h"
#include "launcher/disks/overlay.h"
#include "launcher/guest/login.h"
#include "netsetup/base/cleanup.h"

static bool needed(const struct definition *definition)
{
	if (definition->machine.firmware.uefi || definition->machine.tpm ||
	    disks_have_overlay(definition))
		return true;
	return identity_wanted(definition) &&
	       (definition->cloud_init.ssh_keys_auto || !definition->cloud_init.present);
}

/*
 * The lock is a file of its own and not the overlays: on some network file systems flock(2) and
 * QEMU's own locks would get into each other's way.
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

/* Each vmrun that starts, and clean and doctor, sweeps: it holds every VM's lock for a moment. */
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

static void sweep_temporary(const char *directory, const struct sweep *sweep)
{
	overlay_sweep(directory, sweep);
	firmware_sweep(directory, sweep);
	tpm_sweep(directory, sweep);
}

int keep_take(const struct definition *definition, struct keep *keep, struct error *err)
{
	cleanup_free char *path = NULL;
	int ret;

	*keep = (struct keep)KEEP_NONE;
	if (!needed(definition))
		return 0;
	ret = xdg_dir(XDG_DATA, definition->name, &path, err);
	if (!ret)
		ret = xdg_make(path, err);
	if (ret)
		return ret;

	ret = lock_directory(path, &keep->lock);
	if (ret == -EBUSY)
		return error_say(err, STATUS_FAILURE, EBUSY,
				 "cannot use the disks of '%s': another run of it does",
				 definition->name);
	if (ret)
		return error_set(err, -ret, "cannot lock '%s'", path);
	sweep_temporary(path, &(struct sweep){ 0 });
	keep->directory = take_ptr(&path);
	return 0;
}

void keep_end(struct keep *keep)
{
	if (keep->lock >= 0)
		sweep_temporary(keep->directory, &(struct sweep){ 0 });
	free(keep->directory);
	cleanup_fd_done(&keep->lock);
	*keep = (struct keep)KEEP_NONE;
}

int keep_reset(const char *name, const struct sweep *sweep, struct error *err)
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
		error_say(err, STATUS_FAILURE, EBUSY, "cannot reset '%s': it is running", name);
		error_remedy(err, "stop it first");
		return -EBUSY;
	}
	if (ret)
		return error_set(err, -ret, "cannot lock '%s'", directory);
	overlay_reset(directory, sweep);
	identity_reset(directory, sweep);
	firmware_reset(directory, sweep);
	tpm_reset(directory, sweep);
	return 0;
}

void keep_sweep(const char *name, const struct sweep *sweep)
{
	cleanup_free char *directory = NULL;
	struct error ignored;
	cleanup_fd int lock = -1;

	if (xdg_dir(XDG_DATA, name, &directory, &ignored))
		return;
	/* Where there is no directory, no lock file is made either. */
	lock = open_lock(directory);
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0)
		sweep_temporary(directory, sweep);
}
