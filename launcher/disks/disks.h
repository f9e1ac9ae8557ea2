// SPDX-License-Identifier: GPL-2.0-or-later
// Finds or makes the files of a VM's disks.
#ifndef LAUNCHER_DISKS_DISKS_H
#define LAUNCHER_DISKS_DISKS_H

#include <stdbool.h>

#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/**
 * struct disk_file - the file that QEMU opens for one disk.
 * @path: absolute.
 * @format: raw or qcow2.
 * @device: true for a block device.
 * @temporary: true if the file must be removed.
 */
struct disk_file {
	char *path;
	enum disk_format format;
	bool device;
	bool temporary;
};

/* struct disks - the files of all disks, in the definition's order; all zero for no disk. */
struct disks {
	struct disk_file files[DISKS_MAX];
	unsigned int count;
};

/* disks_have_overlay() - true if a disk of the VM has an overlay, permanent or temporary. */
bool disks_have_overlay(const struct definition *definition);

/**
 * disks_prepare() - check the images, and make or check their overlays.
 * @plan: image_cache_fetch() must have put images from URLs into the cache.
 * @directory: of the overlays, see state_dir_take(); NULL if no disk has one.
 * @disks: the files; the caller frees them with disks_done() after success.
 *
 * Return: 0 or a negative errno.
 */
int disks_prepare(const struct machine_plan *plan, const char *directory, struct disks *disks,
		  struct error *err);

/**
 * disks_plan() - return the files that disks_prepare() would use, for `print` and --dry-run. It
 * makes and checks no file; images may be missing. A temporary overlay is "diskN.tmp-XXXXXX".
 * @plan: image_cache_locate() must have set its images.
 * @directory: for `print` the word for the VM's data directory. The output must not depend on the
 *             user, so an image in the user's cache is not read and its format stays auto.
 *             NULL for the user's directory.
 * @disks: the files; the caller frees them with disks_done() after success.
 *
 * Return: 0 or a negative errno (no home directory, no memory).
 */
int disks_plan(const struct machine_plan *plan, const char *directory, struct disks *disks,
	       struct error *err);

/* disks_configure() - set the disks' members of @plan, which @disks must outlive. */
void disks_configure(const struct disks *disks, struct machine_plan *plan);

/**
 * disks_opened() - remove temporary files once QEMU has opened them, which its QMP greeting shows.
 * Then the kernel frees them when QEMU ends, even if it is killed.
 */
void disks_opened(struct disks *disks);

/* disks_done() - remove temporary files that are left and free @disks, which may be all zero. */
void disks_done(struct disks *disks);

#endif
