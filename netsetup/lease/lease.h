// SPDX-License-Identifier: GPL-2.0-or-later
// Records in a file what one VM has on the host.
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
 * Theory of operation: a lease is the file "lease-NAME" of lease_dir.h. The VM's helper locks it by
 * flock before the file gets its name, and holds the lock until its end. Therefore the kernel, not
 * a pid, decides if a lease is live. A helper writes the lease before the changes that it
 * describes: as a new file, locked and then renamed over the old one. A dead lease records what
 * must be undone. The caller of each function holds lease_dir_lock().
 */

#define LEASE_MAGIC 0x76724c32u /* "vrL2" */

/**
 * struct lease_record - the file's content.
 * @magic: LEASE_MAGIC.
 * @owner: user ID of the client.
 * @launcher: pid of vmrun, for the message to a user who starts the same VM again.
 * @name: name of the VM.
 * @uplink, @ifindex: the interface that has the proxy entry.
 * @tap: name of the tap.
 * @addresses: the VM's address; during allocation all addresses that are probed.
 * @address_count: 1 after allocation, 0..PROBE_BATCH_MAX before.
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
 * @adopted: replaces the lease of a dead helper whose VM runs.
 * @record: the file's content.
 */
struct lease {
	int fd;
	bool adopted;
	struct lease_record record;
};

/* A lease in the directory. */
struct found_lease {
	struct lease_record record;
	bool alive;
};

/**
 * lease_take() - write the lease of a VM that has none.
 * @dir: of lease_dir_lock().
 * @lease: its record is filled in by the caller; gets the descriptor.
 * @err: with -EEXIST the pid and the address of the running VM, and its user if it is another.
 *
 * Return: 0, -EEXIST if a VM of this name runs, or another negative errno.
 */
int lease_take(int dir, struct lease *lease, struct error *err);

/* lease_update() - write the changed record of a held lease; returns 0 or a negative errno. */
int lease_update(int dir, struct lease *lease, struct error *err);

/* lease_drop() - remove a held lease; does nothing if none is held. */
void lease_drop(int dir, struct lease *lease);

/**
 * lease_list() - read all leases; skips files that are no lease.
 * @dir: of lease_dir_lock().
 * @leases: an allocated array; the caller frees it.
 *
 * Return: 0 or a negative errno.
 */
int lease_list(int dir, struct found_lease **leases, size_t *count, struct error *err);

/**
 * lease_find() - read the lease of one VM.
 * @dir: of lease_dir_lock().
 *
 * Return: 0, -ENOENT if it has none, or another negative errno.
 */
int lease_find(int dir, const char *name, struct found_lease *found);

/**
 * lease_in_use() - true if the VM of a lease of this network namespace may still run. After its
 * helper's death it may: while its tap exists, QEMU or the launcher holds it, and another helper is
 * about to adopt the VM.
 */
bool lease_in_use(const struct found_lease *lease);

/* lease_remove() - remove a dead lease's file. */
void lease_remove(int dir, const struct lease_record *record);

/* lease_file() - write the file name of a VM's lease; returns @file. */
#define LEASE_FILE_SIZE (sizeof("lease-") + VM_NAME_SIZE)
const char *lease_file(const char *name, char file[LEASE_FILE_SIZE]);

#endif
