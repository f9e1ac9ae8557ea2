// SPDX-License-Identifier: GPL-2.0-or-later
// Makes and locks the runtime directory of a VM.
#ifndef LAUNCHER_RUN_RUNTIME_DIR_H
#define LAUNCHER_RUN_RUNTIME_DIR_H

#include "launcher/common/remove.h"
#include "netsetup/base/error.h"

/**
 * struct runtime_dir - a VM's files while it runs; one VM of a name runs for each user.
 * @directory: the VM's runtime directory, below the user's.
 * @lock: the locked file in it, or -1.
 */
struct runtime_dir {
	char *directory;
	int lock;
};

/**
 * runtime_dir_take() - make the directory and lock it.
 * @name: the VM's.
 * @runtime_dir: must be ended by runtime_dir_end(), also after a failure.
 * @err: with -EEXIST names the pid of the VM that runs, and its address if it has one.
 *
 * flock(2) alone decides if the VM runs; a pid in the file is only for the message.
 *
 * Return: 0, -EEXIST if the VM runs, or another negative errno.
 */
int runtime_dir_take(const char *name, struct runtime_dir *runtime_dir, struct error *err);

/**
 * runtime_dir_write_address() - write the pid and address for the message of -EEXIST to the lock.
 * @runtime_dir: a taken one.
 * @address: the VM's, or "no address".
 */
void runtime_dir_write_address(const struct runtime_dir *runtime_dir, const char *address);

/* runtime_dir_end() - remove the directory with all files, and unlock. */
void runtime_dir_end(struct runtime_dir *runtime_dir);

/**
 * runtime_dir_remove_stale() - remove the directory of a VM that died; nothing while the VM runs.
 * @name: the VM's.
 */
void runtime_dir_remove_stale(const char *name, const struct removal *removal);

#endif
