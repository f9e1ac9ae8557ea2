// SPDX-License-Identifier: GPL-2.0-or-later
// The files of a VM's disks: found, or made.
#ifndef LAUNCHER_DISKS_DISK_H
#define LAUNCHER_DISKS_DISK_H

#include <stdbool.h>

#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/**
 * struct disk_file - what QEMU opens for one disk.
 * @path: absolute.
 * @format: raw or qcow2.
 * @device: it is a block device.
 * @temporary: the file is to be removed.
 */
struct disk_file {
	char *path;
	enum disk_format format;
	bool device;
	bool temporary;
};

/* struct disks - the files of all disks, in the definition's order; all zero when there are none. */
struct disks {
	struct disk_file files[DISKS_MAX];
	unsigned int count;
};

/* disks_have_overlay() - true if a disk of the VM has an overlay, kept or temporary. */
bool disks_have_overlay(const struct definition *definition);

/**
 * disks_prepare() - check the images, and make or check their overlays.
 * @plan: the VM; images from URLs are in the cache, see cache_fetch().
 * @directory: where overlays are, see keep_take(); NULL when no disk has one.
 * @disks: the files; end them with disks_done() after success.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int disks_prepare(const struct machine_plan *plan, const char *directory, struct disks *disks,
		  struct error *err);

/**
 * disks_plan() - the same files as they would be, for `print` and --dry-run: nothing is made,
 * nothing checked, and images may be missing. A temporary overlay is shown as "diskN.tmp-XXXXXX".
 * @plan: the VM; its images are located, see cache_locate().
 * @directory: the word for the VM's data directory, for `print`, which is to be the same for every
 *             user: an image in the user's cache is not looked at then, and its format stays auto.
 *             NULL: the user's.
 * @disks: the files; end them with disks_done() after success.
 * @err: the error.
 *
 * Return: 0 or a negative errno (no home directory, no memory).
 */
int disks_plan(const struct machine_plan *plan, const char *directory, struct disks *disks,
	       struct error *err);

/* disks_configure() - fill in disk_paths, disk_formats and disk_devices; @disks must outlive it. */
void disks_configure(const struct disks *disks, struct machine_plan *plan);

/**
 * disks_opened() - QEMU has opened its files, as its QMP greeting tells: remove the temporary ones,
 * which then live for as long as QEMU does, however it ends.
 */
void disks_opened(struct disks *disks);

/* disks_done() - remove temporary files that are left; legal for none. */
void disks_done(struct disks *disks);

#endif
