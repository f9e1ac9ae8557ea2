// SPDX-License-Identifier: GPL-2.0-or-later
// What a VM keeps between its runs, in a directory of its own: taken by one run at a time, thrown away.
#ifndef LAUNCHER_RUN_STATE_DIR_H
#define LAUNCHER_RUN_STATE_DIR_H

#include "launcher/common/remove.h"
#include "launcher/definition/definition.h"
#include "netsetup/base/error.h"

/**
 * struct keep - the directory, while it is used.
 * @directory: of the VM's name, below the user's data directory (xdg.h); NULL when it is not needed.
 * @lock: held for as long as it is in use, or -1.
 */
struct keep {
	char *directory;
	int lock;
};

#define KEEP_NONE          \
	{                  \
		.lock = -1 \
	}

/**
 * keep_take() - make the directory of a VM that needs it, lock it, and sweep what died runs left.
 * @definition: the VM.
 * @keep: end it with keep_end(), also after a failure.
 * @err: the error.
 *
 * Return: 0, -EBUSY when another run has the lock, or another negative errno.
 */
int keep_take(const struct definition *definition, struct keep *keep, struct error *err);

/* keep_end() - remove what does not last, once nobody uses it, and unlock; legal for KEEP_NONE. */
void keep_end(struct keep *keep);

/**
 * keep_reset() - throw away what a VM keeps, so that it starts afresh.
 * @name: the VM's.
 * @sweep: how; told each file.
 * @err: the error.
 *
 * Return: 0, also when there is nothing; -EBUSY while it runs; or another negative errno.
 */
int keep_reset(const char *name, const struct sweep *sweep, struct error *err);

/**
 * keep_sweep() - remove what died runs of a VM have left; does nothing while it runs.
 * @name: the VM's.
 * @sweep: how.
 */
void keep_sweep(const char *name, const struct sweep *sweep);

#endif
