// SPDX-License-Identifier: GPL-2.0-or-later
// A VM's place on the LAN: everything on the host that makes it, done in order, undone in reverse.
#include "netsetup/plumb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "netsetup/allocate.h"
#include "netsetup/arp.h"
#include "netsetup/cleanup.h"
#include "netsetup/rundir.h"
#include "netsetup/share.h"

/*
 * Of the tap, before it is up. No IPv6, so that a guest's router advertisement cannot reach the
 * host. Strict reverse-path filtering and the tap's single /32 route mean that the guest can only
 * send with its own address. proxy_arp answers the guest for the router and everybody else on the
 * LAN, without the random delay.
 */
static const struct {
	const char *tree;
	const char *key;
	int value;
	bool optional; /* the kernel may be built without */
} tap_values[] = {
	{ "ipv6/conf", "disable_ipv6", 1, true }, { "ipv4/conf", "rp_filter", 1, false },
	{ "ipv4/conf", "proxy_arp", 1, false },	  { "ipv4/neigh", "proxy_delay", 0, false },
	{ "ipv4/conf", "forwarding", 1, false },
};

void place_init(struct place *place, const struct host *host)
{
	memset(place, 0, sizeof(*place));
	place->host = *host;
	place->host.arp = -1;
	place->lease.fd = -1;
	memset(place->tap_fds, -1, sizeof(place->tap_fds));
}

static struct interface_id tap_id(const struct place *place)
{
	return (struct interface_id){ place->lease.record.tap, place->tap_ifindex };
}

static struct interface_id uplink_id(const struct place *place)
{
	return (struct interface_id){ place->uplink.ifname, place->uplink.ifindex };
}

static int make_tap(struct place *place, const struct setup_record *setup, struct error *err)
{
	const char *ifname = place->lease.record.tap;
	int rc;

	rc = host_tap_add(&place->host, ifname, setup->queues, setup->offload, place->tap_fds,
			  &place->tap_ifindex, err);
	if (rc < 0)
		return rc;
	place->queues = place->host.dry_run ? 0 : setup->queues;
	for (size_t i = 0; i < ARRAY_SIZE(tap_values); i++) {
		const struct sysctl sysctl = { tap_values[i].tree, ifname, tap_values[i].key };

		rc = host_sysctl(&place->host, &sysctl, tap_values[i].value, err);
		if (rc < 0 && !(rc == -ENOENT && tap_values[i].optional))
			return rc;
	}
	return host_link_up(&place->host, tap_id(place), place->uplink.mtu, err);
}

/* From here on the guest's address is ours on the LAN. */
static int publish(struct place *place, struct error *err)
{
	const struct in_addr address = place->lease.record.addresses[0];
	int dir = -1;
	int rc;

	place->proxied = true;
	rc = host_proxy_add(&place->host, address, uplink_id(place), err);
	if (rc < 0)
		return rc;
	if (!place->host.dry_run) {
		dir = rundir_lock(true, err);
		if (dir < 0)
			return dir;
	}
	rc = share_set(dir, &place->host, uplink_id(place), err);
	rundir_unlock(dir);
	if (rc < 0)
		return rc;
	return host_announce(&place->host, address, uplink_id(place), &place->uplink.mac, err);
}

/* The gateway of `gateway: ADDRESS` must be a neighbour, or the guest could not reach it. */
static int check_gateway(const struct place *place, const struct setup_record *setup,
			 struct error *err)
{
	char address[IPV4_TEXT_SIZE], subnet[IPV4_TEXT_SIZE];

	if (setup->gateway_mode != GATEWAY_ADDRESS ||
	    prefix_host(&place->uplink.prefix, setup->gateway))
		return 0;
	return error_say(err, STATUS_NETWORK, EADDRNOTAVAIL,
			 "gateway %s is not in %s, the subnet of uplink '%s'",
			 ipv4_text(setup->gateway, address),
			 prefix_text(&place->uplink.prefix, subnet), place->uplink.ifname);
}

static int open_arp(struct place *place, struct error *err)
{
	int socket = arp_open(place->uplink.ifindex, err);

	if (socket < 0 && !(socket == -EPERM && place->host.dry_run))
		return socket;
	place->host.arp = socket;
	return 0;
}

int place_make(struct place *place, const struct setup_record *setup, struct error *err)
{
	struct lease_record *record = &place->lease.record;
	int rc;

	rc = uplink_find(setup->uplink[0] ? setup->uplink : NULL, &place->uplink, err);
	if (rc == 0)
		rc = check_gateway(place, setup, err);
	if (rc == 0)
		rc = open_arp(place, err);
	if (rc < 0)
		return rc;

	record->magic = LEASE_MAGIC;
	memcpy(record->name, setup->name, sizeof(record->name));
	memcpy(record->uplink, place->uplink.ifname, sizeof(record->uplink));
	record->ifindex = place->uplink.ifindex;
	tap_name(setup->name, record->tap);

	rc = allocate(setup, &place->uplink, &place->host, &place->lease, err);
	if (rc == 0)
		rc = make_tap(place, setup, err);
	if (rc == 0)
		rc = host_route_add(&place->host, record->addresses[0], tap_id(place), err);
	if (rc == 0)
		rc = publish(place, err);
	return rc;
}

/* Keeps the first of several errors. */
static void note(int *result, int rc, struct error *err, const struct error *error)
{
	if (rc == 0 || *result < 0)
		return;
	*result = rc;
	*err = *error;
}

static int drop_lease(struct place *place, struct error *err)
{
	int dir;
	int rc;

	dir = rundir_lock(true, err);
	if (dir < 0)
		return dir;
	lease_drop(dir, &place->lease);
	rc = share_sweep(dir, &place->host, err);
	rundir_unlock(dir);
	return rc;
}

int place_undo(struct place *place, struct error *err)
{
	struct error error;
	int result = 0;

	if (place->host.dry_run)
		return 0;
	if (place->proxied)
		note(&result,
		     host_proxy_delete(&place->host, place->lease.record.addresses[0],
				       uplink_id(place), &error),
		     err, &error);
	place->proxied = false;
	/* Its route goes with it. Deleted, not only closed: who else holds a descriptor is no matter. */
	if (place->tap_ifindex)
		note(&result, host_link_delete(&place->host, tap_id(place), &error), err, &error);
	place->tap_ifindex = 0;
	for (size_t i = 0; i < QUEUES_MAX; i++) {
		if (place->tap_fds[i] >= 0)
			close(place->tap_fds[i]);
		place->tap_fds[i] = -1;
	}
	if (place->lease.fd >= 0)
		note(&result, drop_lease(place, &error), err, &error);
	return result;
}
