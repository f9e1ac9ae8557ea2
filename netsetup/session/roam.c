// SPDX-License-Identifier: GPL-2.0-or-later
// The VM follows the laptop: to another uplink, another network, another address.
#include "netsetup/session/roam.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "netsetup/kernel/arp.h"
#include "netsetup/lease/allocate.h"
#include "netsetup/lease/lease_dir.h"
#include "netsetup/lease/lease_stale.h"

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

/* The guest can be told another address, and nobody wants it to have this very one. */
static bool can_move(const struct place *place)
{
	return place->setup.follow && ipv4_unset(place->setup.address);
}

static void be_up(struct place *place, const char *reason)
{
	char address[IPV4_TEXT_SIZE], mac[MAC_TEXT_SIZE];

	if (place->contested)
		set_state(place, LAN_CONTESTED, "%s also uses the guest's address %s",
			  mac_text(&place->rival, mac), ipv4_text(place_address(place), address));
	else
		set_state(place, LAN_UP, "%s", reason);
}

/* Not on the LAN; once there again, the LAN is told. */
static void be_away(struct place *place, const char *reason)
{
	place->announced.ifindex = 0;
	set_state(place, LAN_AWAY, "%s", reason);
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
		lease_stale_remove(dir, &place->host, &ignored);
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
 * Allocates an address of the uplink's subnet: any but that of a rival, when the guest can be told;
 * else the one it has. On failure the lease has the old one again.
 */
static int change_address(struct place *place, struct in_addr rival, struct error *err)
{
	struct lease_record *record = &place->lease.record;
	const struct in_addr before = place_address(place);
	struct setup_record setup;
	struct error ignored;
	int rc;

	place_withdraw(place, &ignored);
	remember(place, before);
	setup = place->setup;
	if (!can_move(place))
		setup.address = before;
	rc = allocate(&setup, &place->uplink, &place->host, rival, &place->lease, err);
	if (rc < 0) {
		record->addresses[0] = before;
		record->address_count = 1;
		update_lease(place, &ignored);
		return rc;
	}
	place->contested = false;
	if (!ipv4_equal(place_address(place), before))
		host_route_delete(&place->host, before, place_tap(place), &ignored);
	return 0;
}

/* The guest has an address that cannot be used here, and cannot be told another one. */
static void be_elsewhere(struct place *place)
{
	char address[IPV4_TEXT_SIZE], subnet[IPV4_TEXT_SIZE];
	const struct prefix network = { prefix_network(&place->uplink.prefix),
					place->uplink.prefix.length };
	struct error ignored;

	place_withdraw(place, &ignored);
	ipv4_text(place_address(place), address);
	if (prefix_host(&place->uplink.prefix, place_address(place)))
		set_state(place, LAN_ELSEWHERE,
			  "the guest's address %s is fixed, and this host has it now", address);
	else
		set_state(place, LAN_ELSEWHERE,
			  "the guest's address %s is fixed, and '%s' is in %s now; it works again "
			  "in its own network",
			  address, place->uplink.ifname, prefix_text(&network, subnet));
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
	const struct in_addr nobody = { INADDR_ANY };
	int rc;

	if (!can_move(place) && !address_fits(place)) {
		be_elsewhere(place);
		return 0;
	}
	rc = change_address(place, nobody, err);
	if (rc == 0)
		place->unproven = false;
	return rc;
}

/* The uplink is there: the VM's place on it. */
static int settle(struct place *place, struct error *err)
{
	int rc = 0;

	if (place->unproven || !address_fits(place))
		rc = settle_anew(place, err);
	if (rc < 0 || place->state == LAN_ELSEWHERE)
		return rc;
	rc = place_publish(place, err);
	if (rc < 0)
		return rc;
	network_note(&place->network, &place->uplink, place->host.route);
	be_up(place, "");
	return 0;
}

static int follow_uplink(struct place *place, struct error *err)
{
	bool link_lost = place->state != LAN_UP && place->state != LAN_CONTESTED;
	struct uplink now;
	int rc;

	rc = place_find_uplink(place, &now, err);
	if (rc == -ENODEV || rc == -ENOTUNIQ) {
		be_away(place, err->message);
		return 0;
	}
	if (rc < 0)
		return rc;
	/* Also when it was away when the place was adopted, and is not listened on yet. */
	if (now.ifindex != place->uplink.ifindex || place->host.arp < 0) {
		link_lost = true;
		rc = change_uplink(place, &now, err);
	}
	if (rc < 0)
		return rc;
	place->unproven |= !network_same(&place->network, &now) ||
			   (link_lost && !network_confirm(&place->network, &now, place->host.arp));
	/* The LAN has its router also while this host has no route to it, or not yet. */
	if (!place->unproven && ipv4_unset(now.router))
		now.router = place->network.router;
	place->uplink = now;
	place->state = LAN_AWAY;
	return settle(place, err);
}

int follow(struct place *place, struct error *err)
{
	struct error ignored;
	int rc;

	rc = follow_uplink(place, err);
	if (rc < 0)
		be_away(place, err->message);
	if (rc != -EACCES)
		return rc;
	/* What the policy does not permit here it may permit where the laptop goes next. */
	place_withdraw(place, &ignored);
	return 0;
}

int follow_contested(struct place *place, const struct ether_addr *rival, struct error *err)
{
	const struct in_addr before = place_address(place);
	char address[IPV4_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	char reason[REASON_SIZE];
	struct error ignored;
	int rc = -EADDRINUSE;

	if (can_move(place))
		rc = change_address(place, before, err);
	if (rc < 0) {
		place->contested = true;
		place->rival = *rival;
	}
	rc = place_publish(place, err);
	if (rc < 0) {
		place_withdraw(place, &ignored);
		be_away(place, err->message);
		return rc;
	}
	snprintf(reason, sizeof(reason), "%s insists on %s", mac_text(rival, mac),
		 ipv4_text(before, address));
	be_up(place, reason);
	return 0;
}
