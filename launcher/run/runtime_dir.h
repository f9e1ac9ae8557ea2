// SPDX-License-Identifier: GPL-2.0-or-later
// One running VM of a name for each user: its runtime directory and its lock.
#ifndef LAUNCHER_RUN_RUNTIME_DIR_H
#define LAUNCHER_RUN_RUNTIME_DIR_H

#include "launcher/common/remove.h"
#include "netsetup/base/error.h"

/**
 * struct runtime_dir - a VM's files while it runs.
 * @directory: its own runtime directory, the user's alone.
 * @lock: the locked file in it, or -1.
 */
struct runtime_dir {
	char *directory;
	int lock;
};

/**
 * runtime_dir_take() - make the directory and lock it.
 * @name: the VM's.
 * @runtime_dir: ended by runtime_dir_end(), also after a failure.
 * @err: with -EEXIST names the pid, and the address when it has one, of the VM that runs.
 *
 * Whether the lock is held is asked of the kernel, never of a pid.
 *
 * Return: 0, -EEXIST or another negative errno.
 */
int runtime_dir_take(const char *name, struct runtime_dir *runtime_dir, struct error *err);

/**
 * runtime_dir_write_address() - write into the lock what runtime_dir_take() tells the next one.
 * @runtime_dir: a taken one.
 * @address: the VM's, or "no address".
 */
void runtime_dir_write_address(const struct runtime_dir *runtime_dir, const char *address);

/* runtime_dir_end() - remove all of it, QEMU's sockets too. */
void runtime_dir_end(struct runtime_dir *runtime_dir);

/**
 * runtime_dir_remove_stale() - the same for what a VM that died has left; does nothing while it runs.
 * @name: the VM's.
 * @removal: how.
 */
void runtime_dir_remove_stale(const char *name, const struct removal *removal);

#endif
