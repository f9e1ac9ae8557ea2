// SPDX-License-Identifier: GPL-2.0-or-later
// Builds and changes the nftables table through which VMs are on an uplink's LAN.
#include "netsetup/table/table.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/table/layout.h"
#include "netsetup/table/local.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* Reads of the table's sets that changes of other programs' tables may interrupt. */
#define ATTEMPTS 8

const char *table_name(const char *uplink, char text[TABLE_NAME_SIZE])
{
	snprintf(text, TABLE_NAME_SIZE, TABLE_PREFIX "%s", uplink);
	return text;
}

int table_open(struct table *table, struct error *err)
{
	cleanup_interfaces struct interfaces local = { 0 };
	cleanup_batch struct batch batch = { 0 };
	char name[TABLE_NAME_SIZE];
	cleanup_fd int owner = -1;
	int ret;

	ret = local_read(table->route, table->uplink.ifindex, &local, err);
	if (ret < 0)
		return ret;
	owner = batch_open(err);
	if (owner < 0)
		return owner;
	batch_begin(&batch, table_name(table->uplink.ifname, name));
	batch_table(&batch, true);
	layout_build(&batch);
	local_put(&batch, &local);
	ret = batch_commit(&batch, owner, err);
	if (ret == 0)
		table->owner = take_fd(&owner);
	return ret;
}

int table_bridge(const struct table *table, unsigned int gate, struct error *err)
{
	cleanup_batch struct batch batch = { 0 };
	char name[TABLE_NAME_SIZE];

	batch_begin(&batch, table_name(table->uplink.ifname, name));
	layout_bridge(&batch, table->uplink, gate);
	return batch_commit(&batch, table->owner, err);
}

int table_refresh(const struct table *table, struct error *err)
{
	cleanup_interfaces struct interfaces local = { 0 };
	cleanup_batch struct batch batch = { 0 };
	char name[TABLE_NAME_SIZE];
	int ret;

	ret = local_read(table->route, table->uplink.ifindex, &local, err);
	if (ret < 0)
		return ret;
	batch_begin(&batch, table_name(table->uplink.ifname, name));
	local_put(&batch, &local);
	return batch_commit(&batch, table->owner, err);
}

/* All of pair4, and the bridged guests. */
struct known {
	struct layout_pair4 *pairs;
	size_t pair_count;
	struct bridged {
		struct ether_addr mac;
		uint32_t tap;
	} * bridged;
	size_t bridged_count;
};

static void known_done(struct known *known)
{
	free(known->pairs);
	free(known->bridged);
	*known = (struct known){ 0 };
}

static int take_pair(const void *key, const void *value, void *context)
{
	struct known *known = context;
	struct layout_pair4 *pairs;

	pairs = interface_grow(known->pairs, known->pair_count, sizeof(*pairs));
	if (!pairs)
		return -ENOMEM;
	known->pairs = pairs;
	memcpy(&pairs[known->pair_count++], key, sizeof(*pairs));
	return 0;
}

static int take_bridged(const void *key, const void *value, void *context)
{
	const struct layout_mac_ip4 *guest = key;
	struct known *known = context;
	struct bridged *bridged;

	if (!ipv4_unset(guest->address))
		return 0;
	bridged = interface_grow(known->bridged, known->bridged_count, sizeof(*bridged));
	if (!bridged)
		return -ENOMEM;
	known->bridged = bridged;
	bridged[known->bridged_count].mac = guest->mac;
	memcpy(&bridged[known->bridged_count++].tap, value, sizeof(uint32_t));
	return 0;
}

static int read_known(const struct table *table, struct known *known, struct error *err)
{
	char name[TABLE_NAME_SIZE];
	int ret = -EINTR;

	table_name(table->uplink.ifname, name);
	for (int i = 0; i < ATTEMPTS && ret == -EINTR; i++) {
		known_done(known);
		ret = batch_read(table->owner, name, &layout_pair4, take_pair, known);
		if (ret == 0)
			ret = batch_read(table->owner, name, &layout_tap_by_pair, take_bridged,
					 known);
	}
	return ret < 0 ? error_set_errno(err, -ret, "cannot read table '%s'", name) : 0;
}

static bool is_bridged(const struct known *known, uint32_t tap)
{
	for (size_t i = 0; i < known->bridged_count; i++)
		if (known->bridged[i].tap == tap)
			return true;
	return false;
}

/* Removes all elements of a VM; from what is known, too. */
static void forget(struct batch *batch, struct known *known, uint32_t tap)
{
	const bool bridged = is_bridged(known, tap);

	for (size_t i = 0; i < known->pair_count; i++) {
		const struct layout_pair4 *pair = &known->pairs[i];

		if (pair->ifindex != tap)
			continue;
		batch_element_delete(batch, &layout_pair4, pair);
		/* Each VM has one pair without an address. */
		if (!bridged && ipv4_unset(pair->address))
			layout_count_tap(batch, tap, false);
		if (!bridged)
			continue;
		batch_element_delete(batch, &layout_tap_by_pair, &pair->mac);
		if (ipv4_unset(pair->address))
			continue;
		batch_element_delete(batch, &layout_tap_by_ip4, &pair->address);
		batch_element_delete(batch, &layout_mac_by_ip4, &pair->address);
	}
	for (size_t i = known->bridged_count; i-- > 0;)
		if (known->bridged[i].tap == tap)
			known->bridged[i] = known->bridged[--known->bridged_count];
}

static void remember_pair(struct batch *batch, const struct table_vm *vm, struct in_addr address)
{
	struct layout_pair4 pair = { .ifindex = vm->tap.ifindex, .address = address };

	if (vm->path == TABLE_BRIDGED)
		pair.mac = vm->mac;
	batch_element_add(batch, &layout_pair4, (struct batch_element){ &pair, NULL });
	if (vm->path == TABLE_BRIDGED)
		batch_element_add(batch, &layout_tap_by_pair,
				  (struct batch_element){ &pair.mac, &vm->tap.ifindex });
}

static void remember(struct batch *batch, const struct table_vm *vm)
{
	/* The pair with 0.0.0.0 is for ARP probes. */
	remember_pair(batch, vm, (struct in_addr){ INADDR_ANY });
	if (vm->path != TABLE_BRIDGED)
		layout_count_tap(batch, vm->tap.ifindex, true);
	if (ipv4_unset(vm->address))
		return;
	remember_pair(batch, vm, vm->address);
	if (vm->path != TABLE_BRIDGED)
		return;
	batch_element_add(batch, &layout_tap_by_ip4,
			  (struct batch_element){ &vm->address, &vm->tap.ifindex });
	batch_element_add(batch, &layout_mac_by_ip4,
			  (struct batch_element){ &vm->address, &vm->mac });
}

/* Makes the rules anew that copy a broadcast to each bridged guest. */
static void flood(struct batch *batch, const struct known *known, const struct table_vm *vm)
{
	layout_flood_empty(batch);
	for (size_t i = 0; i < known->bridged_count; i++)
		layout_flood(batch, known->bridged[i].tap, &known->bridged[i].mac);
	if (vm && vm->path == TABLE_BRIDGED)
		layout_flood(batch, vm->tap.ifindex, &vm->mac);
}

/* An index of 0 is that of a VM which evict() has removed. */
static bool conflicts(const struct layout_pair4 *pair, bool pair_bridged, const struct table_vm *vm)
{
	if (!pair->ifindex || pair->ifindex == vm->tap.ifindex)
		return false;
	if (!ipv4_unset(vm->address) && ipv4_equal(pair->address, vm->address))
		return true;
	return pair_bridged && vm->path == TABLE_BRIDGED &&
	       !memcmp(&pair->mac, &vm->mac, sizeof(pair->mac));
}

/* A VM whose tap is gone gives its address up; one that has a tap keeps it. */
static int evict(struct batch *batch, const struct table *table, struct known *known,
		 const struct table_vm *vm, struct error *err)
{
	int ret;

	for (size_t i = 0; i < known->pair_count; i++) {
		cleanup_interfaces struct interfaces other = { 0 };
		const uint32_t tap = known->pairs[i].ifindex;

		if (!conflicts(&known->pairs[i], is_bridged(known, tap), vm))
			continue;
		ret = local_link(table->route, tap, &other);
		if (ret != -ENODEV)
			return error_set_errno(err, ret < 0 ? -ret : EADDRINUSE,
					       "another VM on '%s' has this address or MAC",
					       table->uplink.ifname);
		forget(batch, known, tap);
		/* Its elements are deleted once. */
		for (size_t k = 0; k < known->pair_count; k++)
			if (known->pairs[k].ifindex == tap)
				known->pairs[k].ifindex = 0;
	}
	return 0;
}

/*
 * Threat: the service has frames for the host, or for another VM, go to a guest. Check: the address
 * is not the host's, the MAC not the station's, and neither is that of another VM that has a tap.
 * Test: test_table.c.
 */
static int check_host(const struct table *table, const struct table_vm *vm, struct error *err)
{
	cleanup_interfaces struct interfaces local = { 0 };
	int ret;

	ret = local_read(table->route, table->uplink.ifindex, &local, err);
	if (ret < 0)
		return ret;
	if (local_has(&local, vm->address))
		return error_set_errno(err, EADDRINUSE, "the host has the guest's address");
	if (!memcmp(&local.links[0].mac, &vm->mac, sizeof(vm->mac)))
		return error_set_errno(err, EADDRINUSE, "'%s' has the guest's MAC address",
				       table->uplink.ifname);
	return 0;
}

int table_vm_set(const struct table *table, const struct table_vm *vm, struct error *err)
{
	__attribute__((cleanup(known_done))) struct known known = { 0 };
	cleanup_batch struct batch batch = { 0 };
	char name[TABLE_NAME_SIZE];
	int ret;

	ret = check_host(table, vm, err);
	if (ret == 0)
		ret = read_known(table, &known, err);
	if (ret < 0)
		return ret;
	batch_begin(&batch, table_name(table->uplink.ifname, name));
	layout_count(&batch);
	forget(&batch, &known, vm->tap.ifindex);
	ret = evict(&batch, table, &known, vm, err);
	if (ret < 0)
		return ret;
	remember(&batch, vm);
	layout_tap(&batch, vm->tap, &vm->mac, vm->path == TABLE_BRIDGED);
	flood(&batch, &known, vm);
	return batch_commit(&batch, table->owner, err);
}

int table_vm_delete(const struct table *table, unsigned int tap, struct error *err)
{
	__attribute__((cleanup(known_done))) struct known known = { 0 };
	cleanup_batch struct batch batch = { 0 };
	char name[TABLE_NAME_SIZE];
	int ret;

	ret = read_known(table, &known, err);
	/* The VM is gone with the table. */
	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return ret;
	batch_begin(&batch, table_name(table->uplink.ifname, name));
	layout_count(&batch);
	forget(&batch, &known, tap);
	layout_tap_delete(&batch, tap);
	flood(&batch, &known, NULL);
	return batch_commit(&batch, table->owner, err);
}

int table_delete(const struct table *table, struct error *err)
{
	cleanup_batch struct batch batch = { 0 };
	char name[TABLE_NAME_SIZE];
	int ret;

	batch_begin(&batch, table_name(table->uplink.ifname, name));
	batch_table_delete(&batch);
	batch.family = NFPROTO_IPV4;
	batch_table(&batch, false);
	batch_table_delete(&batch);
	ret = batch_commit(&batch, table->owner, err);
	return ret == -ENOENT ? 0 : ret;
}

/*
 * Threat: a service that was taken over reads the rules of others. Check: the table has the name of
 * ours for this uplink, and only its sets of VMs are read, which the service has filled.
 * Test: test_maker.c.
 */
int table_dump(const struct table *table, enum table_counted set, struct error *err)
{
	static const struct {
		uint8_t family;
		const struct batch_set *set;
	} sets[TABLE_COUNTED] = {
		[TABLE_CHECKED] = { NFPROTO_NETDEV, &layout_pair4 },
		[TABLE_ARRIVED] = { NFPROTO_NETDEV, &layout_mac_by_ip4 },
		[TABLE_FORWARDED] = { NFPROTO_IPV4, &layout_hops },
	};
	char name[TABLE_NAME_SIZE];
	int ret;

	table_name(table->uplink.ifname, name);
	ret = batch_dump(table->owner, sets[set].family, name, sets[set].set);
	return ret < 0 ? error_set_errno(err, -ret, "cannot count packets in table '%s'", name) : 0;
}
