// SPDX-License-Identifier: GPL-2.0-or-later
// A lease: what one VM has of the host, in a file that outlives whoever wrote it.
#ifndef NETSETUP_LEASE_LEASE_H
#define NETSETUP_LEASE_LEASE_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "netsetup/base/error.h"
#include "netsetup/base/ifname.h"
#include "netsetup/lease/probe.h"

/*
 * Theory of operation: a lease is the file "lease-NAME" of lease_dir.h. Its netsetup holds the
 * file's flock from before the file has its name until its own end, so whether a lease is alive is
 * asked of the kernel, never of a pid. A lease is written before the changes that it describes; a changed
 * lease is a new file, locked and then renamed over the old one. A dead lease tells what to undo.
 * All functions are called under rundir_lock().
 */

#define LEASE_MAGIC 0x76724c32u /* "vrL2" */

/**
 * struct lease_record - the file's content.
 * @magic: LEASE_MAGIC.
 * @owner: user ID of who asked for the VM.
 * @launcher: pid of vmrun, told to who starts the same VM again.
 * @name: of the VM.
 * @uplink, @ifindex: the interface that has the proxy entry.
 * @tap: the tap's name.
 * @addresses: the VM's address; while it is being allocated, all that are probed.
 * @address_count: 1 when allocated, 0..PROBE_BATCH_MAX.
 */
struct lease_record {
	uint32_t magic;
	uint32_t owner;
	int32_t launcher;
	char name[VM_NAME_SIZE];
	char uplink[IFNAMSIZ];
	uint32_t ifindex;
	char tap[IFNAMSIZ];
	struct in_addr addresses[PROBE_BATCH_MAX];
	uint32_t address_count;
};

/**
 * struct lease - a lease that this process holds.
 * @fd: the locked file, or -1.
 * @adopted: it takes the place of one whose helper died, while its VM runs.
 * @record: its content.
 */
struct lease {
	int fd;
	bool adopted;
	struct lease_record record;
};

/* A lease that was found in the directory. */
struct found_lease {
	struct lease_record record;
	bool alive;
};

/**
 * lease_take() - write the lease of a VM that has none.
 * @dir: of rundir_lock().
 * @lease: its record is filled in; gets the descriptor.
 * @err: with -EEXIST names the pid and the address of the VM that runs.
 *
 * Return: 0, -EEXIST when a VM of this name runs, or another negative errno.
 */
int lease_take(int dir, struct lease *lease, struct error *err);

/* lease_update() - write the changed record of a held lease; returns 0 or a negative errno. */
int lease_update(int dir, struct lease *lease, struct error *err);

/* lease_drop() - remove a held lease; legal when none is held. */
void lease_drop(int dir, struct lease *lease);

/**
 * lease_list() - read all leases.
 * @dir: of rundir_lock().
 * @leases: an array, allocated; the caller frees it.
 * @count: its length.
 * @err: the error.
 *
 * A file that is not a lease is passed over.
 *
 * Return: 0 or a negative errno.
 */
int lease_list(int dir, struct found_lease **leases, size_t *count, struct error *err);

/**
 * lease_find() - read the lease of one VM.
 * @dir: of rundir_lock().
 * @name: the VM's.
 * @found: the lease.
 *
 * Return: 0, -ENOENT when it has none, or another negative errno.
 */
int lease_find(int dir, const char *name, struct found_lease *found);

/**
 * lease_in_use() - whether the VM of a lease of this network namespace may still run. That of a
 * helper that died may: as long as its tap is there, QEMU or the launcher holds it, and another
 * helper is about to take the VM's place over.
 */
bool lease_in_use(const struct found_lease *lease);

/* lease_remove() - remove a dead lease's file. */
void lease_remove(int dir, const struct lease_record *record);

/* lease_file() - the name of a VM's lease in the directory; returns @file. */
#define LEASE_FILE_SIZE (sizeof("lease-") + VM_NAME_SIZE)
const char *lease_file(const char *name, char file[LEASE_FILE_SIZE]);

#endif
