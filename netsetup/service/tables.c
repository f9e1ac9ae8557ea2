// SPDX-License-Identifier: GPL-2.0-or-later
// Has the tables of the uplinks, and puts each VM into one.
#include "netsetup/service/tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/service/state.h"
#include "netsetup/table/gate.h"

/* Names of the descriptors for the keeper, before the uplink's index. */
static const char *const parts[] = { "table", "gate", "groups" };

static int *part_of(struct uplink_table *table, size_t i)
{
	int *const fds[ARRAY_SIZE(parts)] = { &table->fds.owner, &table->fds.gate,
					      &table->fds.groups };

	return fds[i];
}

struct uplink_table *tables_find(struct tables *tables, unsigned int ifindex)
{
	for (size_t i = 0; i < tables->count; i++)
		if (tables->tables[i].ifindex == ifindex)
			return &tables->tables[i];
	return NULL;
}

/* Adds an empty entry; NULL if there are too many. */
static struct uplink_table *add_table(struct tables *tables, unsigned int ifindex)
{
	struct uplink_table *table = &tables->tables[tables->count];

	if (tables->count == TABLES_MAX)
		return NULL;
	tables->count++;
	*table = (struct uplink_table){ .ifindex = ifindex, .fds = { -1, -1, -1, 0 } };
	return table;
}

bool tables_place(struct tables *tables, const char *name, int fd)
{
	const char *dash = strchrnul(name, '-');
	const size_t length = (size_t)(dash - name);
	struct uplink_table *table;
	unsigned int ifindex;
	size_t i = 0;

	while (i < ARRAY_SIZE(parts) && (strncmp(name, parts[i], length) != 0 || parts[i][length]))
		i++;
	if (!*dash || i == ARRAY_SIZE(parts))
		return false;
	ifindex = (unsigned int)strtoul(dash + 1, NULL, 10);
	table = tables_find(tables, ifindex);
	if (!table)
		table = add_table(tables, ifindex);
	if (!table || *part_of(table, i) >= 0)
		return false;
	*part_of(table, i) = fd;
	return true;
}

/* Its VMs are in no table until need_table() or tables_put() puts them into one. */
static void close_table(struct state *state, struct uplink_table *table)
{
	char name[KEEPER_NAME_SIZE];

	for (struct vm *vm = state->vms; vm; vm = vm->next)
		vm->tabled = vm->tabled && vm->record.table != table->ifindex;
	/* The keeper is the last, because who closes the last descriptor waits for the kernel. */
	for (size_t i = ARRAY_SIZE(parts); i-- > 0;) {
		if (*part_of(table, i) >= 0)
			close(*part_of(table, i));
		snprintf(name, sizeof(name), "%s-%u", parts[i], table->ifindex);
		keeper_remove(&state->keeper, name);
	}
	*table = state->tables.tables[--state->tables.count];
}

/* Without the copy, a restart of the service makes the table anew. */
static void keep_part(struct state *state, struct uplink_table *table, size_t i)
{
	char name[KEEPER_NAME_SIZE];
	struct error ignored;

	snprintf(name, sizeof(name), "%s-%u", parts[i], table->ifindex);
	keeper_store(&state->keeper, name, *part_of(table, i), &ignored);
}

static int open_table(struct state *state, struct host *host, const struct uplink_facts *uplink,
		      struct uplink_table **table, struct error *err)
{
	struct host_table fds;
	int ret;

	ret = host_table_open(host, uplink_check_id(uplink), &fds, err);
	if (ret < 0)
		return ret;
	*table = add_table(&state->tables, uplink->ifindex);
	if (!*table) {
		close(fds.owner);
		error_setf(err, STATUS_FAILURE, ENOSPC, "cannot use more than %d uplinks at a time",
			   TABLES_MAX);
		return -ENOSPC;
	}
	(*table)->fds = fds;
	keep_part(state, *table, 0);
	return 0;
}

/* The gate and the groups come together. */
static bool is_complete(const struct uplink_table *table)
{
	return table->fds.owner >= 0 && (table->fds.gate < 0) == (table->fds.groups < 0);
}

/* Makes what only bridged VMs need, unless it is there. */
static int need_bridge(struct state *state, struct host *host, struct uplink_table *table,
		       struct interface_id uplink, struct error *err)
{
	int ret;

	if (table->fds.gate >= 0)
		return 0;
	ret = host_table_bridge(host, uplink, &table->fds, err);
	for (size_t i = 1; ret == 0 && i < ARRAY_SIZE(parts); i++)
		keep_part(state, table, i);
	return ret;
}

/* True if a bridged VM is in the uplink's table, or was in the one before. */
static bool has_bridged(const struct state *state, unsigned int ifindex)
{
	for (const struct vm *vm = state->vms; vm; vm = vm->next)
		if (vm->record.path == PATH_BRIDGED && vm->record.table == ifindex)
			return true;
	return false;
}

/* Notes the table before the VM is in it, so that it is taken out in any case. */
static int note_table(struct state *state, struct vm *vm, unsigned int ifindex,
		      struct in_addr address, struct error *err)
{
	vm->record.table = ifindex;
	vm->record.passed = address;
	return state_save(state, err);
}

static int set_vm(struct host *host, const struct uplink_table *table, struct interface_id uplink,
		  const struct vm *vm, struct in_addr address, struct error *err)
{
	const struct table_vm entry = { .tap = vm_tap(vm),
					.mac = vm->record.attach.mac,
					.address = address,
					.path = vm->record.path == PATH_BRIDGED ? TABLE_BRIDGED
										: TABLE_ROUTED };

	return host_table_vm(host, uplink, table->fds.owner, &entry, err);
}

/*
 * Closes the tables of uplinks that are gone, and those that have the name which this uplink has
 * now: they are of the one that had it.
 */
static void close_gone(struct state *state, const struct uplink_facts *uplink)
{
	char ifname[IFNAMSIZ];

	for (size_t i = state->tables.count; i-- > 0;) {
		struct uplink_table *table = &state->tables.tables[i];

		if ((!if_indextoname(table->ifindex, ifname) && errno == ENXIO) ||
		    !strncmp(table->ifname, uplink->ifname, sizeof(table->ifname)))
			close_table(state, table);
	}
}

/* Puts a VM whose table is gone into a new one; the next tables_put() finds out if it failed. */
static void guard_tap(struct state *state, struct host *host, const struct uplink_table *table,
		      struct interface_id uplink, struct vm *vm)
{
	const struct table_vm entry = { .tap = vm_tap(vm),
					.mac = vm->record.attach.mac,
					.path = TABLE_ROUTED };
	struct error ignored;

	if (vm->record.table == uplink.ifindex)
		set_vm(host, table, uplink, vm, vm->record.passed, &ignored);
	else if (note_table(state, vm, uplink.ifindex, entry.address, &ignored) == 0)
		host_table_vm(host, uplink, table->fds.owner, &entry, &ignored);
}

/*
 * Has a new table guard the taps of VMs that are in none. Those of this uplink are on its LAN
 * again. The others are not: a client's request for that uplink has not been checked. A tap that
 * was in no table yet is down.
 */
static void guard_taps(struct state *state, struct host *host, const struct uplink_table *table,
		       struct interface_id uplink)
{
	for (struct vm *vm = state->vms; vm; vm = vm->next)
		if (vm->record.tap_ifindex && vm->record.table &&
		    (vm->record.table == uplink.ifindex ||
		     !tables_find(&state->tables, vm->record.table)))
			guard_tap(state, host, table, uplink, vm);
}

/* Notes what the table was told of the host. */
static void note_host(struct uplink_table *table, const struct uplink_facts *uplink)
{
	table->host = uplink->host;
	memcpy(table->ifname, uplink->ifname, sizeof(table->ifname));
}

/* Finds the uplink's table, and tells it of the host; makes it if there is none. */
static int need_table(struct state *state, struct host *host, const struct uplink_facts *uplink,
		      struct uplink_table **table, struct error *err)
{
	int ret = 0;

	*table = tables_find(&state->tables, uplink->ifindex);
	if (*table && !is_complete(*table)) {
		close_table(state, *table);
		*table = NULL;
	}
	if (!*table) {
		close_gone(state, uplink);
		ret = open_table(state, host, uplink, table, err);
		if (ret == 0 && has_bridged(state, uplink->ifindex))
			ret = need_bridge(state, host, *table, uplink_check_id(uplink), err);
		if (ret == 0)
			guard_taps(state, host, *table, uplink_check_id(uplink));
		/* A new table knows the host as it is now, which is not older. */
		if (ret == 0)
			note_host(*table, uplink);
	}
	if (ret < 0 || (*table)->host == uplink->host)
		return ret;
	ret = host_table_refresh(host, uplink_check_id(uplink), (*table)->fds.owner, err);
	if (ret == 0)
		note_host(*table, uplink);
	return ret;
}

/* True for the errors of a table that is not there by the uplink's name, or is another uplink's. */
static bool is_renamed(int ret)
{
	return ret == -ENOENT || ret == -EPERM || ret == -EEXIST;
}

/*
 * Makes the table of a renamed uplink anew, whose name it has: the kernel lets no one rename it.
 * For a moment its VMs are in none, and off the LAN.
 */
static int renew_table(struct state *state, struct host *host, const struct uplink_facts *uplink,
		       struct uplink_table **table, struct error *err)
{
	close_table(state, *table);
	return need_table(state, host, uplink, table, err);
}

static struct interface_id id_of(unsigned int ifindex, char ifname[IFNAMSIZ])
{
	if (!if_indextoname(ifindex, ifname) || !ifname_valid(ifname))
		memcpy(ifname, "IF", sizeof("IF"));
	return (struct interface_id){ ifname, ifindex };
}

static int remove_from(struct state *state, struct host *host, const struct vm *vm,
		       unsigned int ifindex, struct error *err)
{
	const struct uplink_table *table = tables_find(&state->tables, ifindex);
	char ifname[IFNAMSIZ];

	if (!table)
		return 0;
	return host_table_vm_delete(host, id_of(ifindex, ifname), table->fds.owner, vm_tap(vm),
				    err);
}

static int put_dry(struct state *state, struct host *host, const struct vm *vm,
		   struct in_addr address, struct error *err)
{
	struct uplink_table table = { .fds = { -1, -1, -1, 0 } };
	int ret = 0;

	if (!tables_find(&state->tables, vm->uplink.ifindex))
		ret = host_table_open(host, uplink_check_id(&vm->uplink), &table.fds, err);
	if (ret == 0 && vm->record.path == PATH_BRIDGED && !has_bridged(state, vm->uplink.ifindex))
		ret = host_table_bridge(host, uplink_check_id(&vm->uplink), &table.fds, err);
	return ret < 0 ? ret : set_vm(host, &table, uplink_check_id(&vm->uplink), vm, address, err);
}

int tables_put(struct state *state, struct host *host, struct vm *vm, struct in_addr address,
	       struct error *err)
{
	const struct interface_id uplink = uplink_check_id(&vm->uplink);
	const unsigned int before = vm->record.table;
	struct uplink_table *table;
	int ret;

	if (host->dry_run)
		return put_dry(state, host, vm, address, err);
	ret = need_table(state, host, &vm->uplink, &table, err);
	if (is_renamed(ret) && table)
		ret = renew_table(state, host, &vm->uplink, &table, err);
	if (ret == 0 && vm->record.path == PATH_BRIDGED)
		ret = need_bridge(state, host, table, uplink, err);
	if (ret == 0 && before == uplink.ifindex && ipv4_equal(vm->record.passed, address) &&
	    vm->tabled)
		return 0;
	if (ret == 0)
		ret = note_table(state, vm, uplink.ifindex, address, err);
	if (ret == 0)
		ret = set_vm(host, table, uplink, vm, address, err);
	if (ret == 0 && before && before != uplink.ifindex)
		ret = remove_from(state, host, vm, before, err);
	vm->tabled = ret == 0;
	tables_release(state);
	return ret;
}

int tables_rest(struct state *state, struct host *host, struct vm *vm, struct error *err)
{
	const struct uplink_table *table = tables_find(&state->tables, vm->record.table);
	const struct in_addr none = { INADDR_ANY };
	char ifname[IFNAMSIZ];
	int ret;

	if (!table || vm->record.path != PATH_BRIDGED || ipv4_unset(vm->record.passed))
		return 0;
	ret = set_vm(host, table, id_of(table->ifindex, ifname), vm, none, err);
	if (ret == 0)
		vm->record.passed = none;
	return ret;
}

static bool is_used(const struct state *state, unsigned int ifindex)
{
	for (const struct vm *vm = state->vms; vm; vm = vm->next)
		if (vm->record.table == ifindex)
			return true;
	return false;
}

/*
 * Deletes a table before its descriptors are closed, so that it is not there any more. Where that
 * fails, as by the new name of an uplink, the last of them removes it.
 */
static void delete_table(struct host *host, const struct uplink_table *table)
{
	char ifname[IFNAMSIZ], gate[IFNAMSIZ];
	struct error ignored;

	if (table->fds.owner >= 0)
		host_table_delete(host, id_of(table->ifindex, ifname), table->fds.owner, &ignored);
	snprintf(gate, sizeof(gate), GATE_PREFIX "%x", table->ifindex);
	if (table->fds.gate >= 0 && if_nametoindex(gate))
		host_link_delete_soon(host, (struct interface_id){ gate, if_nametoindex(gate) },
				      &ignored);
}

int tables_take(struct state *state, struct host *host, struct vm *vm, struct error *err)
{
	const unsigned int ifindex = vm->record.table;
	struct uplink_table *table = tables_find(&state->tables, ifindex);

	vm->record.table = 0;
	vm->tabled = false;
	if (table && is_used(state, ifindex))
		return remove_from(state, host, vm, ifindex, err);
	if (table)
		delete_table(host, table);
	return 0;
}

void tables_release(struct state *state)
{
	for (size_t i = state->tables.count; i-- > 0;)
		if (!is_used(state, state->tables.tables[i].ifindex))
			close_table(state, &state->tables.tables[i]);
}
