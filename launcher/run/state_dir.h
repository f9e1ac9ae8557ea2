// SPDX-License-Identifier: GPL-2.0-or-later
// Locks, cleans and resets the directory of a VM's lasting files.
#ifndef LAUNCHER_RUN_STATE_DIR_H
#define LAUNCHER_RUN_STATE_DIR_H

#include "launcher/common/remove.h"
#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * struct state_dir - the directory of files that last between runs, while a run uses it.
 * @directory: the VM's, below the user's data directory (xdg.h); NULL if the VM needs none.
 * @lock: the locked file in it, or -1.
 */
struct state_dir {
	char *directory;
	int lock;
};

#define STATE_DIR_NONE     \
	{                  \
		.lock = -1 \
	}

/**
 * state_dir_take() - make and lock the directory of a VM that needs it, and remove stale files.
 * @state_dir: must be ended with state_dir_end(), also after a failure.
 *
 * Return: 0, -EBUSY when another run has the lock, or another negative errno.
 */
int state_dir_take(const struct definition *definition, struct state_dir *state_dir,
		   struct error *err);

/* state_dir_end() - remove temporary files, after QEMU's end, and unlock; may be STATE_DIR_NONE. */
void state_dir_end(struct state_dir *state_dir);

/**
 * state_dir_reset() - remove a VM's lasting files, so that its next run is like its first.
 * @name: the VM's.
 *
 * Return: 0, also if there are none; -EBUSY while the VM runs; or another negative errno.
 */
int state_dir_reset(const char *name, const struct removal *removal, struct error *err);

/**
 * state_dir_remove_stale() - remove temporary files of runs that died; nothing while the VM runs.
 * @name: the VM's.
 */
void state_dir_remove_stale(const char *name, const struct removal *removal);

#endif
