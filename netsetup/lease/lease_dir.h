// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps and locks the lease directory of this network namespace.
#ifndef NETSETUP_LEASE_LEASE_DIR_H
#define NETSETUP_LEASE_LEASE_DIR_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>

#include "netsetup/base/error.h"

/*
 * Each helper holds the lock for milliseconds, so many helpers together need far less. But a helper
 * that its user has frozen (cgroups(7)) holds it without end.
 */
#define LEASE_DIR_LOCK_SECONDS 60

/**
 * lease_dir_hold() - make and keep /run/vmrun until lease_dir_release(): Landlock confines a
 * process to this very directory, not to a later one of the same name.
 *
 * Return: a descriptor, whose shared flock keeps the directory; or a negative errno.
 */
int lease_dir_hold(struct error *err);

/* lease_dir_release() - end the hold and remove the directory if empty; @hold may be negative. */
void lease_dir_release(int hold);

/**
 * lease_dir_lock() - open and lock the directory of this network namespace; waits for the lock, at
 * most LEASE_DIR_LOCK_SECONDS.
 * @create: make a missing directory.
 * @err: names the directory, also if its owner or mode would let others write to it.
 *
 * The directory, of netns_dir(), has mode 0700: a user who can open a file can also hold its flock.
 *
 * Return: the directory's descriptor, locked until lease_dir_unlock(); -ENOENT if it is missing and
 * @create is false; -ETIMEDOUT; or another negative errno.
 */
int lease_dir_lock(bool create, struct error *err);

/* lease_dir_lock_within() - lease_dir_lock() with another limit, in seconds. */
int lease_dir_lock_within(bool create, unsigned int seconds, struct error *err);

/**
 * lease_dir_unlock() - unlock and close the directory. Remove it if empty, then NETNS_RUN_DIR if
 * empty and held by nobody.
 * @dir: of lease_dir_lock(); may be negative.
 */
void lease_dir_unlock(int dir);

/**
 * lease_dir_replace() - write a file of the directory as a whole, or not at all.
 * @dir: of lease_dir_lock().
 * @name: name of the file; an existing one is replaced.
 * @size: in bytes.
 *
 * Return: the new file's descriptor or a negative errno. It holds the file's exclusive flock since
 * before the file got its name.
 */
int lease_dir_replace(int dir, const char *name, const void *data, size_t size, struct error *err);

/**
 * lease_dir_stream() - list the directory's files.
 * @dir: of lease_dir_lock().
 *
 * Return: for readdir(3) and closedir(3); NULL with errno.
 */
DIR *lease_dir_stream(int dir);

/**
 * lease_dir_others() - visit the directories of other network namespaces.
 * @fn: called for each one with its lock held; an empty one is removed afterwards.
 * @context: passed to @fn.
 *
 * The caller must not hold lease_dir_lock(): two callers could wait for each other.
 */
void lease_dir_others(void (*fn)(int dir, const char *path, void *context), void *context);

#endif
