// SPDX-License-Identifier: GPL-2.0-or-later
// The directory of leases of this network namespace, and the lock under which it is changed.
#ifndef NETSETUP_LEASE_LEASE_DIR_H
#define NETSETUP_LEASE_LEASE_DIR_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>

#include "netsetup/base/error.h"

/*
 * Many times what a crowd of helpers needs, each of which holds the lock for milliseconds; but one
 * that its user has frozen (cgroups(7)) holds it for as long as they like.
 */
#define RUNDIR_LOCK_SECONDS 60

/**
 * rundir_hold() - from now on /run/vmrun is there, until rundir_release(): a process that Landlock
 * confines to it could not come by another one.
 * @err: the error.
 *
 * Return: a descriptor, whose shared flock is what keeps the directory; or a negative errno.
 */
int rundir_hold(struct error *err);

/* rundir_release() - let go of it, and remove it when it is empty; legal with a negative @hold. */
void rundir_release(int hold);

/**
 * rundir_lock() - open the directory of this network namespace and lock it; waits for the lock, at
 * most RUNDIR_LOCK_SECONDS.
 * @create: make it when it is not there.
 * @err: names the directory, also when its owner or mode would let others write to it.
 *
 * The directory, of netns_dir(), is for root alone (mode 0700): who can open a file can also hold
 * its flock.
 *
 * Return: the directory's descriptor, locked until rundir_unlock(); -ENOENT when it is not there
 * and @create is false; -ETIMEDOUT; or another negative errno.
 */
int rundir_lock(bool create, struct error *err);

/* rundir_lock_within() - the same with another limit, in seconds. */
int rundir_lock_within(bool create, unsigned int seconds, struct error *err);

/**
 * rundir_unlock() - unlock and close the directory, and remove it, and RUNDIR_PATH unless somebody
 * holds that, when empty.
 * @dir: of rundir_lock(), or negative: nothing is done.
 */
void rundir_unlock(int dir);

/**
 * rundir_replace() - put a file into the directory, whole or not at all.
 * @dir: of rundir_lock().
 * @name: of the file; a file of this name is replaced.
 * @data: its content.
 * @size: in bytes.
 * @err: the error.
 *
 * Return: the new file's descriptor, which holds its exclusive flock since before the file could
 * be seen under its name; or a negative errno.
 */
int rundir_replace(int dir, const char *name, const void *data, size_t size, struct error *err);

/**
 * lease_dir_stream() - list the directory's files.
 * @dir: of rundir_lock().
 *
 * Return: for readdir(3) and closedir(3); NULL with errno.
 */
DIR *lease_dir_stream(int dir);

/**
 * rundir_others() - look into the directories of other network namespaces.
 * @fn: called for each, which is locked meanwhile; one that is empty then is removed.
 * @context: passed to it.
 *
 * The caller holds no rundir_lock(), or two could wait for each other.
 */
void rundir_others(void (*fn)(int dir, const char *path, void *context), void *context);

#endif
