// SPDX-License-Identifier: GPL-2.0-or-later
// A VM's place on the LAN: everything on the host that makes it, made so whenever it is not.
#include "netsetup/session/attachment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/confine/close_timeout.h"
#include "netsetup/host/antispoof.h"
#include "netsetup/host/promiscuous.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/kernel/query.h"
#include "netsetup/kernel/tap.h"
#include "netsetup/lease/allocate.h"
#include "netsetup/lease/lease_dir.h"
#include "netsetup/lease/lease_stale.h"
#include "netsetup/lease/uplink_sysctls.h"
#include "netsetup/policy/authorize.h"

/*
 * Theory of operation: what makes a place is a short list of facts about the host. place_publish()
 * looks at each and makes it so where it is not, so it serves the first time and every time after,
 * when the kernel or somebody has undone one. place_undo() takes back whatever may be there.
 */

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
	{ "ipv4/conf", "proxy_arp", 1, false },   { "ipv4/neigh", "proxy_delay", 0, false },
	{ "ipv4/conf", "forwarding", 1, false },
};

void place_init(struct place *place, const struct setup_record *setup, const struct host *host)
{
	memset(place, 0, sizeof(*place));
	place->setup = *setup;
	place->host = *host;
	place->host.arp = -1;
	place->lease.fd = -1;
	memset(place->tap_fds, -1, sizeof(place->tap_fds));
	place->lease.record.magic = LEASE_MAGIC;
	place->lease.record.owner = host->permit ? host->permit->uid : 0;
	memcpy(place->lease.record.name, setup->name, sizeof(setup->name));
	tap_name(setup->name, place->lease.record.tap);
}

struct in_addr place_address(const struct place *place)
{
	return place->lease.record.addresses[0];
}

struct interface_id place_tap(const struct place *place)
{
	return (struct interface_id){ place->lease.record.tap, place->tap_ifindex };
}

struct interface_id place_uplink(const struct place *place)
{
	return (struct interface_id){ place->uplink.ifname, place->uplink.ifindex };
}

int place_use_uplink(struct place *place, const struct uplink *uplink, struct error *err)
{
	struct lease_record *record = &place->lease.record;
	cleanup_fd int arp = -1;

	/* A dry run sends nothing, either: it shows the address that would be tried first. */
	arp = place->host.dry_run ? -1 : arp_open(uplink->ifindex, err);
	if (arp < 0 && !place->host.dry_run) {
		error_context(err, "cannot hear ARP on '%s'", uplink->ifname);
		return arp;
	}
	if (arp >= 0 && promiscuous_set(arp, uplink, place->setup.promiscuous, err) < 0)
		return -err->code;
	if (place->host.arp >= 0)
		close(place->host.arp);
	place->host.arp = take_fd(&arp);
	place->uplink = *uplink;
	memcpy(record->uplink, uplink->ifname, sizeof(record->uplink));
	record->ifindex = uplink->ifindex;
	return 0;
}

/* The guest can send with the address it has now, before it can send at all. */
static int guard_tap(struct place *place, struct error *err)
{
	int rc;

	if (ipv4_equal(place->guarded, place_address(place)))
		return 0;
	rc = antispoof_set(&place->host, place_tap(place), place_address(place), err);
	if (rc == 0)
		place->guarded = place_address(place);
	return rc;
}

/* The tap's values and state, each where it is not as it must be. */
static int publish_tap(struct place *place, struct error *err)
{
	const struct interface_id tap = place_tap(place);
	struct link_state link = { 0 };
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tap_values); i++) {
		const struct sysctl sysctl = { tap_values[i].tree, tap.ifname, tap_values[i].key };
		int value = !tap_values[i].value;

		if (!place->host.dry_run)
			rc = sysctl_read(&sysctl, &value, err);
		if (rc == -ENOENT && tap_values[i].optional)
			continue;
		if (rc == 0 && value != tap_values[i].value)
			rc = host_sysctl(&place->host, &sysctl, tap_values[i].value, err);
		if (rc < 0)
			return rc;
	}
	rc = guard_tap(place, err);
	if (rc < 0)
		return rc;
	if (!place->host.dry_run)
		rc = observe_link(place->host.route, tap.ifindex, &link);
	if (rc < 0)
		return error_set(err, -rc, "cannot find tap '%s'", tap.ifname);
	if (link.up && link.mtu == place->uplink.mtu)
		return 0;
	return host_link_up(&place->host, tap, place->uplink.mtu, err);
}

static int publish_route(struct place *place, struct error *err)
{
	const struct interface_id tap = place_tap(place);
	int there = 0;

	if (!place->host.dry_run)
		there = observe_route(place->host.route, place_address(place), tap.ifindex);
	return there == 1 ? 0 : host_route_add(&place->host, place_address(place), tap, err);
}

static int publish_proxy(struct place *place, bool *added, struct error *err)
{
	const struct interface_id uplink = place_uplink(place);
	int there = 0;

	if (!place->host.dry_run)
		there = observe_proxy(place->host.route, place_address(place), uplink.ifindex);
	*added = there != 1;
	place->published = true;
	return there == 1 ? 0 : host_proxy_add(&place->host, place_address(place), uplink, err);
}

static int publish_shared(struct place *place, struct error *err)
{
	int dir = -1;
	int rc;

	if (!place->host.dry_run && share_is_set(place_uplink(place)))
		return 0;
	if (!place->host.dry_run) {
		dir = rundir_lock(true, err);
		if (dir < 0)
			return dir;
	}
	rc = share_set(dir, &place->host, place_uplink(place), err);
	rundir_unlock(dir);
	return rc;
}

/* Whether the LAN was told of the address at the uplink's present hardware address. */
static bool announced(const struct place *place)
{
	return place->announced.ifindex == place->uplink.ifindex &&
	       !memcmp(&place->announced.mac, &place->uplink.mac, sizeof(place->uplink.mac));
}

/*
 * The name to look for, or NULL. One that was renamed since, as udev may do with an adapter that has
 * just come, still is the one that was named.
 */
static const char *uplink_name(const struct place *place, char renamed[IFNAMSIZ])
{
	const char *name = place->setup.uplink;

	if (!name[0])
		return NULL;
	if (place->uplink.ifindex && if_nametoindex(name) == 0 && errno == ENODEV &&
	    if_indextoname(place->uplink.ifindex, renamed) && ifname_valid(renamed))
		return renamed;
	return name;
}

int place_find_uplink(const struct place *place, struct uplink *uplink, struct error *err)
{
	const struct setup_record *setup = &place->setup;
	char renamed[IFNAMSIZ];
	struct wish wish;
	int rc;

	rc = uplink_find(uplink_name(place, renamed), uplink, err);
	if (rc < 0)
		return rc;
	wish = permit_wish(setup, uplink);
	return permit_check(place->host.permit, &wish, err);
}

int place_publish(struct place *place, struct error *err)
{
	struct wish wish = permit_wish(&place->setup, &place->uplink);
	bool added = false;
	int rc;

	wish.address = place_address(place);
	rc = permit_check(place->host.permit, &wish, err);
	if (rc == 0)
		rc = publish_tap(place, err);
	if (rc == 0)
		rc = publish_route(place, err);
	if (rc == 0)
		rc = publish_proxy(place, &added, err);
	if (rc == 0)
		rc = publish_shared(place, err);
	if (rc < 0 || (!added && announced(place)))
		return rc;
	place->announced.ifindex = place->uplink.ifindex;
	place->announced.mac = place->uplink.mac;
	place->announce_again = true;
	return host_announce(&place->host, place_address(place), place_uplink(place),
			     &place->uplink.mac, err);
}

int place_withdraw(struct place *place, struct error *err)
{
	if (!place->published)
		return 0;
	place->published = false;
	place->announced.ifindex = 0;
	return host_proxy_delete(&place->host, place_address(place), place_uplink(place), err);
}

/* The gateway of `gateway: ADDRESS` must be a neighbour, or the guest could not reach it. */
static int check_gateway(const struct place *place, const struct uplink *uplink, struct error *err)
{
	const struct setup_record *setup = &place->setup;
	char address[IPV4_TEXT_SIZE], subnet[IPV4_TEXT_SIZE];

	if (setup->gateway_mode != GATEWAY_ADDRESS || prefix_host(&uplink->prefix, setup->gateway))
		return 0;
	return error_say(err, STATUS_NETWORK, EADDRNOTAVAIL,
			 "gateway %s is not in %s, the subnet of uplink '%s'",
			 ipv4_text(setup->gateway, address), prefix_text(&uplink->prefix, subnet),
			 uplink->ifname);
}

static int make_tap(struct place *place, struct error *err)
{
	const struct setup_record *setup = &place->setup;
	int rc;

	rc = host_tap_add(&place->host, place->lease.record.tap, setup->queues, setup->offload,
			  place->tap_fds, &place->tap_ifindex, err);
	place->queues = rc < 0 || place->host.dry_run ? 0 : setup->queues;
	return rc;
}

int place_make(struct place *place, struct error *err)
{
	const struct setup_record *setup = &place->setup;
	const struct in_addr nobody = { INADDR_ANY };
	struct uplink uplink;
	int rc;

	rc = place_find_uplink(place, &uplink, err);
	if (rc == 0)
		rc = check_gateway(place, &uplink, err);
	if (rc == 0)
		rc = place_use_uplink(place, &uplink, err);
	if (rc == 0)
		rc = allocate(setup, &place->uplink, &place->host, nobody, &place->lease, err);
	if (rc == 0)
		rc = make_tap(place, err);
	if (rc == 0)
		rc = place_publish(place, err);
	if (rc == 0)
		network_note(&place->network, &place->uplink, place->host.route);
	return rc;
}

/* The descriptors are those of this VM's tap, and of nothing else. */
static int check_tap(const struct place *place, const int *fds, unsigned int count,
		     struct error *err)
{
	const char *ifname = place->lease.record.tap;

	if (count != place->setup.queues)
		return error_say(err, STATUS_FAILURE, EINVAL, "tap '%s' comes with %u of %u queues",
				 ifname, count, place->setup.queues);
	for (unsigned int i = 0; i < count; i++)
		if (!tap_is(fds[i], ifname))
			return error_say(err, STATUS_FAILURE, EINVAL,
					 "a descriptor is not one of tap '%s'", ifname);
	return 0;
}

/* Whether the VM's helper died, and this is the address that it had. */
static int find_adopted(struct place *place, struct error *err)
{
	const struct lease_record *own = &place->lease.record;
	struct found_lease found = { .alive = false };
	int dir = rundir_lock(true, err);

	if (dir < 0)
		return dir;
	place->lease.adopted = lease_find(dir, own->name, &found) == 0 && !found.alive &&
			       found.record.owner == own->owner &&
			       found.record.address_count == 1 &&
			       ipv4_equal(found.record.addresses[0], place->setup.remembered[0]);
	rundir_unlock(dir);
	/* Root may go on also when somebody has removed the leases. */
	if (!place->lease.adopted && !found.alive && place->host.permit)
		return error_say(err, STATUS_FAILURE, ENOENT,
				 "VM '%s' has no lease to be taken over", own->name);
	return 0;
}

/*
 * The tap is ours, to be deleted at the end, once the lease is: that of a VM whose helper lives is
 * not touched, whoever has a descriptor of it.
 */
static int take_over(struct place *place, struct error *err)
{
	struct setup_record again = place->setup;
	const struct in_addr nobody = { INADDR_ANY };
	int rc;

	rc = find_adopted(place, err);
	if (rc < 0)
		return rc;
	/*
	 * With its lease, the address is in use by this very VM, and not proven free once more; without,
	 * it is one like any other.
	 */
	again.address = place->setup.remembered[0];
	rc = allocate(&again, &place->uplink, &place->host, nobody, &place->lease, err);
	place->lease.adopted = false;
	if (rc < 0)
		return rc;
	place->tap_ifindex = if_nametoindex(place->lease.record.tap);
	if (place->tap_ifindex == 0)
		return error_set(err, errno, "cannot find tap '%s'", place->lease.record.tap);
	rc = place_publish(place, err);
	if (rc == 0)
		network_note(&place->network, &place->uplink, place->host.route);
	return rc;
}

/*
 * The uplink is away, or elsewhere, just now: the lease is taken over as it was, and the rest is for
 * follow(), which finds the uplink and the address anew.
 */
static int take_over_away(struct place *place, struct error *err)
{
	struct lease_record *record = &place->lease.record;
	struct found_lease found;
	int dir, rc;

	dir = rundir_lock(true, err);
	if (dir < 0)
		return dir;
	rc = lease_find(dir, record->name, &found);
	if (rc == 0 && found.record.owner == record->owner) {
		memcpy(record->uplink, found.record.uplink, sizeof(record->uplink));
		record->ifindex = found.record.ifindex;
		record->addresses[0] = place->setup.remembered[0];
		record->address_count = 1;
		place->lease.adopted = true;
		rc = lease_take(dir, &place->lease, err);
		place->lease.adopted = false;
	} else {
		rc = error_set(err, rc < 0 ? -rc : EPERM, "cannot take the lease of '%s' over",
			       record->name);
	}
	rundir_unlock(dir);
	if (rc < 0)
		return rc;
	place->tap_ifindex = if_nametoindex(record->tap);
	if (place->tap_ifindex == 0)
		return error_set(err, errno, "cannot find tap '%s'", record->tap);
	memcpy(place->uplink.ifname, record->uplink, sizeof(record->uplink));
	place->uplink.ifindex = record->ifindex;
	place->published = true;
	place->unproven = true;
	place->state = LAN_AWAY;
	snprintf(place->reason, sizeof(place->reason), "uplink '%s' is away", record->uplink);
	return 0;
}

int place_adopt(struct place *place, const int *fds, unsigned int count, struct error *err)
{
	struct uplink uplink;
	int rc;

	rc = check_tap(place, fds, count, err);
	if (rc < 0) {
		alarm_close(fds, count);
		return rc;
	}
	for (unsigned int i = 0; i < count; i++)
		place->tap_fds[i] = fds[i];
	place->queues = count;
	rc = place_find_uplink(place, &uplink, err);
	if (rc == -ENODEV || rc == -ENOTUNIQ ||
	    (rc == 0 && !prefix_host(&uplink.prefix, place->setup.remembered[0])))
		return take_over_away(place, err);
	if (rc == 0)
		rc = place_use_uplink(place, &uplink, err);
	return rc < 0 ? rc : take_over(place, err);
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
	if (dir < 0) {
		/* From now on it is a dead one's, and whoever can sweeps it. Not by closing it alone:
		 * the child that waits for the tap's end has it, too. */
		flock(place->lease.fd, LOCK_UN);
		close(place->lease.fd);
		place->lease.fd = -1;
		return dir;
	}
	lease_drop(dir, &place->lease);
	rc = lease_stale_remove(dir, &place->host, err);
	rundir_unlock(dir);
	return rc;
}

int place_undo(struct place *place, struct error *err)
{
	struct error error;
	int result = 0;

	if (place->host.dry_run)
		return 0;
	note(&result, place_withdraw(place, &error), err, &error);
	/* Its route goes with it. Deleted, not only closed: who else holds a descriptor is no matter. */
	if (place->tap_ifindex)
		note(&result, host_link_delete(&place->host, place_tap(place), &error), err,
		     &error);
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
