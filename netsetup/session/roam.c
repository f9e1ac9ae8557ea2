// SPDX-License-Identifier: GPL-2.0-or-later
// Moves the VM with the laptop: to another uplink, network or address.
#include "netsetup/session/roam.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "netsetup/kernel/arp.h"
#include "netsetup/lease/allocate.h"
#include "netsetup/lease/lease_dir.h"
#include "netsetup/lease/lease_stale.h"

__attribute__((format(printf, 3, 4))) static void set_state(struct attachment *attachment,
							    enum lan_state state,
							    const char *format, ...)
{
	va_list args;

	attachment->state = state;
	va_start(args, format);
	vsnprintf(attachment->reason, sizeof(attachment->reason), format, args);
	va_end(args);
}

/* The guest can get another address, and its definition does not fix this one. */
static bool can_change_address(const struct attachment *attachment)
{
	return attachment->setup.roam && ipv4_unset(attachment->setup.address);
}

static void set_on_lan(struct attachment *attachment, const char *reason)
{
	char address[IPV4_TEXT_SIZE], mac[ARP_MAC_TEXT_SIZE];

	if (attachment->conflict)
		set_state(attachment, LAN_CONFLICT, "%s also uses the guest's address %s",
			  arp_mac_text(&attachment->conflicting_host, mac),
			  ipv4_text(attachment_address(attachment), address));
	else
		set_state(attachment, LAN_UP, "%s", reason);
}

/* The VM is off the LAN; its next time there needs an announcement. */
static void set_away(struct attachment *attachment, const char *reason)
{
	attachment->announced.ifindex = 0;
	set_state(attachment, LAN_AWAY, "%s", reason);
}

/* Writes the lease, and restores the previous uplink if this VM was the last one on it. */
static int update_lease(struct attachment *attachment, struct error *err)
{
	struct error ignored;
	int dir;
	int ret;

	dir = lease_dir_lock(true, err);
	if (dir < 0)
		return dir;
	ret = lease_update(dir, &attachment->lease, err);
	if (ret == 0)
		lease_stale_remove(dir, &attachment->host, &ignored);
	lease_dir_unlock(dir);
	return ret;
}

/* Switches to another interface, or to one that was unplugged and got a new index. */
static int change_uplink(struct attachment *attachment, const struct uplink *now, struct error *err)
{
	struct error ignored;
	int ret;

	attachment_withdraw(attachment, &ignored);
	ret = attachment_use_uplink(attachment, now, err);
	return ret < 0 ? ret : update_lease(attachment, err);
}

/* Moves an address to the front, so that the VM gets it again in its network. */
static void remember(struct attachment *attachment, struct in_addr address)
{
	struct in_addr *list = attachment->setup.remembered;
	size_t last = 0;

	while (last < REMEMBERED_MAX - 1 && !ipv4_equal(list[last], address))
		last++;
	memmove(list + 1, list, last * sizeof(*list));
	list[0] = address;
}

/*
 * Allocates an address of the uplink's subnet: any but the conflicting host's if the guest can get
 * one, otherwise its present one. On failure the lease has the old one again.
 */
static int change_address(struct attachment *attachment, struct in_addr conflicting_host,
			  struct error *err)
{
	struct lease_record *record = &attachment->lease.record;
	const struct in_addr before = attachment_address(attachment);
	struct setup_record setup;
	struct error ignored;
	int ret;

	attachment_withdraw(attachment, &ignored);
	remember(attachment, before);
	setup = attachment->setup;
	if (!can_change_address(attachment))
		setup.address = before;
	ret = allocate(&setup, &attachment->uplink, &attachment->host, conflicting_host,
		       &attachment->lease, err);
	if (ret < 0) {
		record->addresses[0] = before;
		record->address_count = 1;
		update_lease(attachment, &ignored);
		return ret;
	}
	attachment->conflict = false;
	if (!ipv4_equal(attachment_address(attachment), before))
		host_route_delete(&attachment->host, before, attachment_tap(attachment), &ignored);
	return 0;
}

/* The guest's address cannot be used here, and the guest cannot get another one. */
static void set_elsewhere(struct attachment *attachment)
{
	char address[IPV4_TEXT_SIZE], subnet[IPV4_TEXT_SIZE];
	const struct prefix network = { ipv4_prefix_network(&attachment->uplink.prefix),
					attachment->uplink.prefix.length };
	struct error ignored;

	attachment_withdraw(attachment, &ignored);
	ipv4_text(attachment_address(attachment), address);
	if (ipv4_prefix_host(&attachment->uplink.prefix, attachment_address(attachment)))
		set_state(attachment, LAN_ELSEWHERE,
			  "the guest's address %s is fixed, and this host has it now", address);
	else
		set_state(attachment, LAN_ELSEWHERE,
			  "the guest's address %s is fixed, and '%s' is in %s now; it works again "
			  "in its own network",
			  address, attachment->uplink.ifname, ipv4_prefix_text(&network, subnet));
}

/* Returns true if the address is a host's in this subnet, and not this host's own. */
static bool address_fits(const struct attachment *attachment)
{
	return ipv4_prefix_host(&attachment->uplink.prefix, attachment_address(attachment)) &&
	       !ipv4_equal(attachment_address(attachment), attachment->uplink.prefix.address);
}

/* The network is another one, or the host itself has the guest's address now. */
static int attach_anew(struct attachment *attachment, struct error *err)
{
	const struct in_addr nobody = { INADDR_ANY };
	int ret;

	if (!can_change_address(attachment) && !address_fits(attachment)) {
		set_elsewhere(attachment);
		return 0;
	}
	ret = change_address(attachment, nobody, err);
	if (ret == 0)
		attachment->unproven = false;
	return ret;
}

/* Attaches the VM to the uplink, which has been found. */
static int attach(struct attachment *attachment, struct error *err)
{
	int ret = 0;

	if (attachment->unproven || !address_fits(attachment))
		ret = attach_anew(attachment, err);
	if (ret < 0 || attachment->state == LAN_ELSEWHERE)
		return ret;
	ret = attachment_publish(attachment, err);
	if (ret < 0)
		return ret;
	network_note(&attachment->network, &attachment->uplink, attachment->host.route);
	set_on_lan(attachment, "");
	return 0;
}

static int roam_uplink(struct attachment *attachment, struct error *err)
{
	bool link_lost = attachment->state != LAN_UP && attachment->state != LAN_CONFLICT;
	struct uplink now;
	int ret;

	ret = attachment_find_uplink(attachment, &now, err);
	if (ret == -ENODEV || ret == -ENOTUNIQ) {
		set_away(attachment, err->message);
		return 0;
	}
	if (ret < 0)
		return ret;
	/* An attachment that was adopted without its uplink has no packet socket yet. */
	if (now.ifindex != attachment->uplink.ifindex || attachment->host.arp < 0) {
		link_lost = true;
		ret = change_uplink(attachment, &now, err);
	}
	if (ret < 0)
		return ret;
	attachment->unproven |= !network_same(&attachment->network, &now) ||
				(link_lost && !network_confirm(&attachment->network, &now,
							       attachment->host.arp));
	/* The LAN has its router even while this host has no route to it. */
	if (!attachment->unproven && ipv4_unset(now.router))
		now.router = attachment->network.router;
	attachment->uplink = now;
	attachment->state = LAN_AWAY;
	return attach(attachment, err);
}

int roam(struct attachment *attachment, struct error *err)
{
	struct error ignored;
	int ret;

	ret = roam_uplink(attachment, err);
	if (ret < 0)
		set_away(attachment, err->message);
	if (ret != -EACCES)
		return ret;
	/* The policy may permit the network to which the laptop goes next. */
	attachment_withdraw(attachment, &ignored);
	return 0;
}

int roam_conflict(struct attachment *attachment, const struct ether_addr *conflicting_host,
		  struct error *err)
{
	const struct in_addr before = attachment_address(attachment);
	char address[IPV4_TEXT_SIZE], mac[ARP_MAC_TEXT_SIZE];
	char reason[REASON_SIZE];
	struct error ignored;
	int ret = -EADDRINUSE;

	if (can_change_address(attachment))
		ret = change_address(attachment, before, err);
	if (ret < 0) {
		attachment->conflict = true;
		attachment->conflicting_host = *conflicting_host;
	}
	ret = attachment_publish(attachment, err);
	if (ret < 0) {
		attachment_withdraw(attachment, &ignored);
		set_away(attachment, err->message);
		return ret;
	}
	snprintf(reason, sizeof(reason), "%s insists on %s", arp_mac_text(conflicting_host, mac),
		 ipv4_text(before, address));
	set_on_lan(attachment, reason);
	return 0;
}
