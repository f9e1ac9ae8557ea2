// SPDX-License-Identifier: GPL-2.0-or-later
// Has the tables of the uplinks, and puts each VM into one.
#ifndef NETSETUP_SERVICE_TABLES_H
#define NETSETUP_SERVICE_TABLES_H

#include "netsetup/host/host.h"
#include "netsetup/service/vm.h"

/*
 * Theory of operation: an uplink has a table (netsetup/table/table.h) as long as a VM is in it. The
 * service has the descriptors that make it live, the keeper has copies, so that a restart
 * interrupts nothing. Each tap is in one table from before it is up until it is deleted, also while
 * the VM is off the LAN: the table is what keeps a guest from sending what it must not.
 */

/* Uplinks that have a table at the same time. */
#define TABLES_MAX 32

struct state;

/**
 * struct uplink_table - the table of one uplink.
 * @ifindex: of the uplink.
 * @fds: -1 where the keeper has handed over none yet.
 * @host: uplink_facts.host of what the table was told last; 0: nothing yet.
 * @ifname: the uplink's name then, which is in the table's; empty before.
 */
struct uplink_table {
	unsigned int ifindex;
	struct host_table fds;
	uint64_t host;
	char ifname[IFNAMSIZ];
};

struct tables {
	struct uplink_table tables[TABLES_MAX];
	size_t count;
};

/* tables_find() - find an uplink's table by the uplink's ifindex; NULL if there is none. */
struct uplink_table *tables_find(struct tables *tables, unsigned int ifindex);

/**
 * tables_place() - take over a descriptor that the keeper has handed over.
 *
 * Return: false if it has another name than those of tables; the caller then owns it.
 */
bool tables_place(struct tables *tables, const char *name, int fd);

/**
 * tables_put() - put a VM into the table of its uplink, which is made if there is none, and out of
 * the one that it was in. In between it is in both.
 * @address: the guest's; 0.0.0.0: the guest may send nothing but ARP probes and DHCP.
 *
 * Return: 0 or a negative errno.
 */
int tables_put(struct state *state, struct host *host, struct vm *vm, struct in_addr address,
	       struct error *err);

/* tables_rest() - let the guest of a bridged VM that is off the LAN send nothing to it. */
int tables_rest(struct state *state, struct host *host, struct vm *vm, struct error *err);

/*
 * tables_take() - remove a VM, whose tap is down or gone, from its table, and that table if the VM
 * was the last one in it. The caller must call tables_release() when it needs the maker no more,
 * which otherwise may be the one that closes the table's last descriptor, and waits.
 *
 * Return: 0 or a negative errno.
 */
int tables_take(struct state *state, struct host *host, struct vm *vm, struct error *err);

/* tables_release() - close the descriptors of tables that no VM is in. */
void tables_release(struct state *state);

#endif
