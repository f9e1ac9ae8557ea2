// SPDX-License-Identifier: GPL-2.0-or-later
// The VM follows the laptop: to another uplink, another network, another address.
#include "netsetup/follow.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "netsetup/allocate.h"
#include "netsetup/arp.h"
#include "netsetup/rundir.h"
#include "netsetup/share.h"

__attribute__((format(printf, 3, 4))) static void set_state(struct place *place,
							    enum lan_state state,
							    const char *format, ...)
{
	va_list args;

	place->state = state;
	va_start(args, format);
	vsnprintf(place->reason, sizeof(place->reason), format, args);
	va_end(args);
}

/* The same network: what an address of it means has not changed. */
static bool same_network(const struct uplink *before, const struct uplink *now)
{
	return before->prefix.length == now->prefix.length &&
	       ipv4_equal(prefix_network(&before->prefix), prefix_network(&now->prefix)) &&
	       ipv4_equal(before->router, now->router) &&
	       (!before->ssid[0] || !now->ssid[0] || !strcmp(before->ssid, now->ssid));
}

/* Writes the lease's record, and restores the uplink that this VM may have been the last one on. */
static int update_lease(struct place *place, struct error *err)
{
	struct error ignored;
	int dir;
	int rc;

	dir = rundir_lock(true, err);
	if (dir < 0)
		return dir;
	rc = lease_update(dir, &place->lease, err);
	if (rc == 0)
		share_sweep(dir, &place->host, &ignored);
	rundir_unlock(dir);
	return rc;
}

/* To another interface, or the same one that was unplugged and is another to the kernel. */
static int change_uplink(struct place *place, const struct uplink *now, struct error *err)
{
	struct error ignored;
	int rc;

	place_withdraw(place, &ignored);
	rc = place_use_uplink(place, now, err);
	return rc < 0 ? rc : update_lease(place, err);
}

/* What was had is remembered first, so that the VM gets it again where it had it. */
static void remember(struct place *place, struct in_addr address)
{
	struct in_addr *list = place->setup.remembered;
	size_t last = 0;

	while (last < REMEMBERED_MAX - 1 && !ipv4_equal(list[last], address))
		last++;
	memmove(list + 1, list, last * sizeof(*list));
	list[0] = address;
}

/*
 * Allocates an address of the uplink's subnet: any, when the guest can be told, else the one it has.
 * On failure the lease has the old one again.
 */
static int change_address(struct place *place, struct error *err)
{
	struct lease_record *record = &place->lease.record;
	const struct in_addr before = place_address(place);
	struct setup_record setup;
	struct error ignored;
	int rc;

	place_withdraw(place, &ignored);
	remember(place, before);
	setup = place->setup;
	if (!setup.follow)
		setup.address = before;
	rc = allocate(&setup, &place->uplink, &place->host, &place->lease, err);
	if (rc < 0) {
		record->addresses[0] = before;
		record->address_count = 1;
		update_lease(place, &ignored);
		return rc;
	}
	if (!ipv4_equal(place_address(place), before))
		host_route_delete(&place->host, before, place_tap(place), &ignored);
	return 0;
}

static void be_elsewhere(struct place *place)
{
	char address[IPV4_TEXT_SIZE], subnet[IPV4_TEXT_SIZE];
	const struct prefix network = { prefix_network(&place->uplink.prefix),
					place->uplink.prefix.length };
	struct error ignored;

	place_withdraw(place, &ignored);
	set_state(
		place, LAN_ELSEWHERE,
		"the guest's address %s is fixed, and '%s' is in %s now; it works again in its own "
		"network",
		ipv4_text(place_address(place), address), place->uplink.ifname,
		prefix_text(&network, subnet));
}

/* Whether the VM could have its address here without asking anybody. */
static bool address_fits(const struct place *place)
{
	return prefix_host(&place->uplink.prefix, place_address(place)) &&
	       !ipv4_equal(place_address(place), place->uplink.prefix.address);
}

/* The network is another one, or the host itself has the guest's address now. */
static int settle_anew(struct place *place, struct error *err)
{
	int rc;

	if (!place->setup.follow && !address_fits(place)) {
		be_elsewhere(place);
		return 0;
	}
	rc = change_address(place, err);
	if (rc < 0)
		set_state(place, LAN_AWAY, "%s", err->message);
	else
		place->unproven = false;
	return rc;
}

/* What the policy does not permit here it may permit where the laptop goes next. */
static int be_refused(struct place *place, const struct error *why)
{
	struct error ignored;

	place_withdraw(place, &ignored);
	set_state(place, LAN_AWAY, "%.*s", REASON_SIZE - 1, why->message);
	return 0;
}

int follow(struct place *place, struct error *err)
{
	const struct uplink before = place->uplink;
	struct uplink now;
	int rc;

	rc = place_find_uplink(place, &now, err);
	if (rc == -EACCES)
		return be_refused(place, err);
	if (rc == -ENODEV || rc == -ENOTUNIQ) {
		set_state(place, LAN_AWAY, "%s", err->message);
		return 0;
	}
	if (rc < 0)
		return rc;
	/* Also when it was away when the place was adopted, and is not listened on yet. */
	if (now.ifindex != before.ifindex || place->host.arp < 0)
		rc = change_uplink(place, &now, err);
	if (rc < 0)
		return rc;
	place->uplink = now;
	place->unproven |= !same_network(&before, &now);
	place->state = LAN_AWAY;
	if (place->unproven || !address_fits(place))
		rc = settle_anew(place, err);
	if (rc < 0 || place->state == LAN_ELSEWHERE)
		return rc;
	rc = place_publish(place, err);
	if (rc == -EACCES)
		return be_refused(place, err);
	if (rc == 0)
		set_state(place, LAN_UP, "%s", "");
	return rc;
}

int follow_contested(struct place *place, const struct ether_addr *rival, struct error *err)
{
	char address[IPV4_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	int rc;

	ipv4_text(place_address(place), address);
	mac_text(rival, mac);
	if (!place->setup.follow) {
		set_state(place, LAN_CONTESTED, "%s also uses the guest's address %s", mac,
			  address);
		return 0;
	}
	rc = change_address(place, err);
	if (rc == 0)
		rc = place_publish(place, err);
	if (rc == 0)
		set_state(place, LAN_UP, "%s insists on %s", mac, address);
	return rc;
}
