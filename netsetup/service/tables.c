// SPDX-License-Identifier: GPL-2.0-or-later
// Has the tables of the uplinks, and puts each VM into one.
#include "netsetup/service/tables.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/service/state.h"

/* Names of the descriptors for the keeper, before the uplink's index. */
static const char *const parts[] = { "table", "gate", "groups" };

static int *part_of(struct uplink_table *table, size_t i)
{
	int *const fds[ARRAY_SIZE(parts)] = { &table->fds.owner, &table->fds.gate,
					      &table->fds.groups };

	return fds[i];
}

static struct uplink_table *find_table(struct tables *tables, unsigned int ifindex)
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
	struct uplink_table *table;
	char prefix[8 + 1];
	unsigned int ifindex;
	size_t i = 0;

	if (sscanf(name, "%8[a-z]-%u", prefix, &ifindex) != 2)
		return false;
	while (i < ARRAY_SIZE(parts) && strcmp(prefix, parts[i]) != 0)
		i++;
	if (i == ARRAY_SIZE(parts))
		return false;
	table = find_table(tables, ifindex);
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
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		snprintf(name, sizeof(name), "%s-%u", parts[i], table->ifindex);
		keeper_remove(&state->keeper, name);
		if (*part_of(table, i) >= 0)
			close(*part_of(table, i));
	}
	*table = state->tables.tables[--state->tables.count];
}

/* Without the copies, a restart of the service makes the table anew. */
static void keep_table(struct state *state, struct uplink_table *table)
{
	char name[KEEPER_NAME_SIZE];
	struct error ignored;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		snprintf(name, sizeof(name), "%s-%u", parts[i], table->ifindex);
		keeper_store(&state->keeper, name, *part_of(table, i), &ignored);
	}
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
		close(fds.gate);
		close(fds.groups);
		return error_setf(err, STATUS_FAILURE, ENOSPC,
				  "cannot use more than %d uplinks at a time", TABLES_MAX);
	}
	(*table)->fds = fds;
	keep_table(state, *table);
	return 0;
}

static bool is_complete(struct uplink_table *table)
{
	bool complete = true;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		complete = complete && *part_of(table, i) >= 0;
	return complete;
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
		     !find_table(&state->tables, vm->record.table)))
			guard_tap(state, host, table, uplink, vm);
}

/* Finds the uplink's table, and tells it of the host; makes it if there is none. */
static int need_table(struct state *state, struct host *host, const struct uplink_facts *uplink,
		      struct uplink_table **table, struct error *err)
{
	int ret = 0;

	*table = find_table(&state->tables, uplink->ifindex);
	if (*table && !is_complete(*table)) {
		close_table(state, *table);
		*table = NULL;
	}
	if (!*table) {
		close_gone(state, uplink);
		ret = open_table(state, host, uplink, table, err);
		if (ret == 0)
			guard_taps(state, host, *table, uplink_check_id(uplink));
	}
	if (ret < 0 || (*table)->host == uplink->host)
		return ret;
	ret = host_table_refresh(host, uplink_check_id(uplink), (*table)->fds.owner, err);
	if (ret < 0)
		return ret;
	(*table)->host = uplink->host;
	memcpy((*table)->ifname, uplink->ifname, sizeof((*table)->ifname));
	return 0;
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
	const struct uplink_table *table = find_table(&state->tables, ifindex);
	char ifname[IFNAMSIZ];

	if (!table)
		return 0;
	return host_table_vm_delete(host, id_of(ifindex, ifname), table->fds.owner, vm_tap(vm),
				    err);
}

static int put_dry(struct host *host, struct tables *tables, const struct vm *vm,
		   struct in_addr address, struct error *err)
{
	struct uplink_table table = { .fds = { -1, -1, -1, 0 } };
	int ret = 0;

	if (!find_table(tables, vm->uplink.ifindex)) {
		ret = host_table_open(host, uplink_check_id(&vm->uplink), &table.fds, err);
		if (ret == 0)
			ret = host_table_refresh(host, uplink_check_id(&vm->uplink),
						 table.fds.owner, err);
	}
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
		return put_dry(host, &state->tables, vm, address, err);
	ret = need_table(state, host, &vm->uplink, &table, err);
	if (is_renamed(ret) && table)
		ret = renew_table(state, host, &vm->uplink, &table, err);
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
	const struct uplink_table *table = find_table(&state->tables, vm->record.table);
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

int tables_take(struct state *state, struct host *host, struct vm *vm, struct error *err)
{
	const int ret = remove_from(state, host, vm, vm->record.table, err);

	vm->record.table = 0;
	vm->tabled = false;
	tables_release(state);
	return ret;
}

static bool is_used(const struct state *state, unsigned int ifindex)
{
	for (const struct vm *vm = state->vms; vm; vm = vm->next)
		if (vm->record.table == ifindex)
			return true;
	return false;
}

void tables_release(struct state *state)
{
	for (size_t i = state->tables.count; i-- > 0;)
		if (!is_used(state, state->tables.tables[i].ifindex))
			close_table(state, &state->tables.tables[i]);
}
