// SPDX-License-Identifier: GPL-2.0-or-later
// One running VM of a name for each user: its runtime directory and its lock.
#ifndef LAUNCHER_RUN_RUNTIME_DIR_H
#define LAUNCHER_RUN_RUNTIME_DIR_H

#include "launcher/common/remove.h"
#include "netsetup/base/error.h"

/**
 * struct instance - a VM's files while it runs.
 * @directory: its own runtime directory, the user's alone.
 * @lock: the locked file in it, or -1.
 */
struct instance {
	char *directory;
	int lock;
};

/**
 * instance_take() - make the directory and lock it.
 * @name: the VM's.
 * @instance: ended by instance_end(), also after a failure.
 * @err: with -EEXIST names the pid, and the address when it has one, of the VM that runs.
 *
 * Whether the lock is held is asked of the kernel, never of a pid.
 *
 * Return: 0, -EEXIST or another negative errno.
 */
int instance_take(const char *name, struct instance *instance, struct error *err);

/**
 * instance_tell() - write into the lock what instance_take() tells the next one.
 * @instance: a taken one.
 * @address: the VM's, or "no address".
 */
void instance_tell(const struct instance *instance, const char *address);

/* instance_end() - remove all of it, QEMU's sockets too. */
void instance_end(struct instance *instance);

/**
 * instance_sweep() - the same for what a VM that died has left; does nothing while it runs.
 * @name: the VM's.
 * @sweep: how.
 */
void instance_sweep(const char *name, const struct sweep *sweep);

#endif
