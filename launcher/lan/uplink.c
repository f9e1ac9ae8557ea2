// SPDX-License-Identifier: GPL-2.0-or-later
// Chooses the uplink: the interface that connects the VM to the LAN.
#include "launcher/lan/uplink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "launcher/lan/wireless.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"
#include "netsetup/base/printable.h"
#include "netsetup/kernel/interface.h"
#include "netsetup/kernel/network_dump.h"
#include "netsetup/kernel/refusal.h"

/* Size of an interface's name in a message. */
#define NAME_SIZE PRINTABLE_SIZE(IFNAMSIZ)

/* Size of the reason to refuse an interface. */
#define REFUSAL_SIZE 128

/* The interfaces that a remedy's text can list; the rest is counted. */
#define LISTED_MAX 10

static const char *name_text(const struct interface *link, char text[NAME_SIZE])
{
	return printable(link->ifname, strnlen(link->ifname, IFNAMSIZ), text);
}

/* The best default route that leaves through the interface, or NULL. */
static const struct default_route *find_route(const struct interfaces *table, unsigned int ifindex)
{
	const struct default_route *best = NULL;

	for (size_t i = 0; i < table->route_count; i++) {
		const struct default_route *route = &table->routes[i];

		if (route->ifindex == ifindex && (!best || route->metric < best->metric))
			best = route;
	}
	return best;
}

/* Ranks an address; 0: it cannot be used. The oldest of equal ones is taken. */
static int address_rank(const struct interface_address *address, struct in_addr router,
			struct in_addr wanted)
{
	if (refusal_address(address))
		return 0;
	if (!ipv4_unset(wanted) && ipv4_prefix_contains(&address->prefix, wanted))
		return 4;
	if (!ipv4_unset(router) && ipv4_prefix_contains(&address->prefix, router))
		return 3;
	return ipv4_link_local(address->prefix.address) ? 1 : 2;
}

static const struct interface_address *find_address(const struct interfaces *table,
						    unsigned int ifindex, struct in_addr router,
						    struct in_addr wanted)
{
	const struct interface_address *best = NULL;
	int best_rank = 0;

	for (size_t i = 0; i < table->address_count; i++) {
		const struct interface_address *address = &table->addresses[i];
		const int rank = address->ifindex == ifindex ? address_rank(address, router, wanted)
							     : 0;

		if (rank > best_rank) {
			best = address;
			best_rank = rank;
		}
	}
	return best;
}

static const char *addresses_refusal(const struct interfaces *table, const struct interface *link,
				     char reason[REFUSAL_SIZE])
{
	char text[IPV4_TEXT_SIZE];

	for (size_t i = 0; i < table->address_count; i++) {
		const struct interface_address *address = &table->addresses[i];

		if (address->ifindex != link->ifindex)
			continue;
		snprintf(reason, REFUSAL_SIZE, "its address %s %s",
			 ipv4_prefix_text(&address->prefix, text), refusal_address(address));
		return reason;
	}
	return "no IPv4 address";
}

/* The reason why an interface cannot be the uplink, or NULL; @reason holds the text if needed. */
static const char *refusal(const struct interfaces *table, const struct interface *link,
			   char reason[REFUSAL_SIZE])
{
	const struct default_route *route = find_route(table, link->ifindex);
	struct in_addr router = { route ? route->router.s_addr : INADDR_ANY };
	const struct in_addr any = { INADDR_ANY };
	const struct interface *master = refusal_master(table, link);
	const char *text = refusal_link(link);
	char name[NAME_SIZE];

	if (!text && master && refusal_is_vrf(master)) {
		snprintf(reason, REFUSAL_SIZE, "in VRF '%s', which has routes of its own",
			 name_text(master, name));
		text = reason;
	} else if (!text && master) {
		snprintf(reason, REFUSAL_SIZE, "a port of %s '%s'",
			 master->kind[0] ? master->kind : "interface", name_text(master, name));
		text = reason;
	}
	if (!text)
		text = refusal_state(link);
	if (!text && !find_address(table, link->ifindex, router, any))
		text = addresses_refusal(table, link, reason);
	return text;
}

static void list_one(const struct interfaces *table, const struct interface *link,
		     struct error *err)
{
	bool routed = find_route(table, link->ifindex) != NULL;
	char reason[REFUSAL_SIZE], name[NAME_SIZE];
	const char *text = refusal(table, link, reason), *mode = "";

	if (link->wireless && !wireless_station(link))
		mode = wireless_mode(link->wireless_type);
	error_remedy(err, "  %s%s%s%s: %s%s", name_text(link, name), *mode ? " (Wi-Fi " : "", mode,
		     *mode ? ")" : "",
		     text     ? text
		     : routed ? "usable"
			      : "no default route",
		     text && routed ? " (has the default route)" : "");
}

/* Lists each interface with the reason to refuse it, those with a default route first. */
static void list_all(const struct interfaces *table, struct error *err)
{
	size_t listed = 0, total = 0;

	for (int routed = 1; routed >= 0; routed--) {
		for (size_t i = 0; i < table->link_count; i++) {
			const struct interface *link = &table->links[i];
			bool has_route = find_route(table, link->ifindex) != NULL;

			if (has_route != routed || (!routed && link->flags & IFF_LOOPBACK))
				continue;
			if (total++ < LISTED_MAX) {
				list_one(table, link, err);
				listed++;
			}
		}
	}
	if (total > listed)
		error_remedy(err, "  and %zu more", total - listed);
	if (total == 0)
		error_remedy(err, "there is no network interface but the loopback");
}

static void fill(const struct interfaces *table, const struct interface *link,
		 struct in_addr router, struct in_addr wanted, struct uplink *uplink)
{
	const struct interface_address *address = find_address(table, link->ifindex, router,
							       wanted);

	*uplink = (struct uplink){
		.ifindex = link->ifindex,
		.mac = link->mac,
		.prefix = address->prefix,
		.router = router,
		.mtu = link->mtu,
		.wireless = link->wireless,
	};
	memcpy(uplink->ifname, link->ifname, sizeof(uplink->ifname));
	memcpy(uplink->ssid, link->ssid, sizeof(uplink->ssid));
}

/* The interface to connect: Wi-Fi first, then one with a default route; NULL if there is none. */
static const struct interface *find_unconnected(const struct interfaces *table)
{
	const struct interface *found = NULL;
	int best = -1;

	for (size_t i = 0; i < table->link_count; i++) {
		const struct interface *link = &table->links[i];
		const int rank = 2 * wireless_station(link) +
				 (find_route(table, link->ifindex) != NULL);

		if (rank <= best || refusal_link(link) || refusal_master(table, link))
			continue;
		found = link;
		best = rank;
	}
	return found;
}

static void suggest_connecting(const struct interface *link, struct error *err)
{
	char name[NAME_SIZE];

	if (link)
		error_remedy(err,
			     "connect '%s' to a network, or use a network of QEMU's own: "
			     "--set network=user",
			     name_text(link, name));
	else
		error_remedy(err, "use a network of QEMU's own: --set network=user");
}

static int choose_named(const struct interfaces *table, const struct uplink_search *search,
			struct uplink *uplink, struct error *err)
{
	const char *const ifname = search->ifname;
	const struct interface *link = interface_by_name(table, ifname), *master;
	char reason[REFUSAL_SIZE], name[NAME_SIZE];
	const struct default_route *route;
	const char *text;

	if (!link) {
		error_setf(err, STATUS_NETWORK, ENODEV, "uplink '%s' does not exist",
			   printable(ifname, strnlen(ifname, IFNAMSIZ), name));
		list_all(table, err);
		return -ENODEV;
	}
	text = refusal(table, link, reason);
	if (text) {
		error_setf(err, STATUS_NETWORK, ENODEV, "cannot use uplink '%s': %s",
			   name_text(link, name), text);
		master = refusal_master(table, link);
		if (master && ifname_valid(master->ifname) && !refusal_is_vrf(master) &&
		    !refusal_link(link))
			error_remedy(err, "use that: --uplink=%s",
				     printable_word(master->ifname, name));
		else if (!master && !refusal_link(link))
			suggest_connecting(link, err);
		return -ENODEV;
	}
	route = find_route(table, link->ifindex);
	fill(table, link, (struct in_addr){ route ? route->router.s_addr : INADDR_ANY },
	     search->address, uplink);
	return 0;
}

/**
 * struct candidate - a usable interface with a default route.
 * @link: NULL for none.
 * @router, @metric: of the default route.
 * @station: true for a Wi-Fi client.
 */
struct candidate {
	const struct interface *link;
	struct in_addr router;
	uint32_t metric;
	bool station;
};

/* Below 0 if @a is better: a Wi-Fi client before others, then the lower metric. */
static int candidate_compare(const struct candidate *a, const struct candidate *b)
{
	if (a->station != b->station)
		return a->station ? -1 : 1;
	return (a->metric > b->metric) - (a->metric < b->metric);
}

static bool candidate_from_route(const struct interfaces *table, const struct default_route *route,
				 struct candidate *candidate)
{
	const struct interface *link = interface_by_index(table, route->ifindex), *master;
	char reason[REFUSAL_SIZE];

	if (!link)
		return false;
	master = refusal_master(table, link);
	if (master)
		link = master;
	if (refusal(table, link, reason))
		return false;
	*candidate = (struct candidate){
		.link = link,
		.router = route->router,
		.metric = route->metric,
		.station = wireless_station(link),
	};
	return true;
}

static int none_usable(const struct interfaces *table, struct error *err)
{
	char reason[REFUSAL_SIZE], name[NAME_SIZE];

	error_setf(err, STATUS_NETWORK, ENODEV, "no usable uplink");
	list_all(table, err);
	for (size_t i = 0; i < table->link_count; i++) {
		if (!refusal(table, &table->links[i], reason)) {
			error_remedy(err, "give one with --uplink=%s",
				     printable_word(table->links[i].ifname, name));
			return -ENODEV;
		}
	}
	suggest_connecting(find_unconnected(table), err);
	return -ENODEV;
}

static int choose_any(const struct interfaces *table, const struct uplink_search *search,
		      struct uplink *uplink, struct error *err)
{
	struct candidate best = { 0 }, candidate;
	const struct interface *equal = NULL;
	char a[NAME_SIZE], b[NAME_SIZE];

	for (size_t i = 0; i < table->route_count; i++) {
		int order;

		if (!candidate_from_route(table, &table->routes[i], &candidate))
			continue;
		order = best.link ? candidate_compare(&candidate, &best) : -1;
		/* A VM that runs stays where it is. */
		if (order == 0 && candidate.link->ifindex == search->present)
			order = -1;
		if (order == 0 && candidate.link != best.link &&
		    best.link->ifindex != search->present)
			equal = candidate.link;
		if (order >= 0)
			continue;
		best = candidate;
		equal = NULL;
	}
	if (!best.link)
		return none_usable(table, err);
	if (equal) {
		error_setf(err, STATUS_NETWORK, ENOTUNIQ,
			   "several uplinks are equally good: '%s', '%s'", name_text(best.link, a),
			   name_text(equal, b));
		error_remedy(err, "choose one: --uplink=%s or --uplink=%s",
			     printable_word(best.link->ifname, a),
			     printable_word(equal->ifname, b));
		return -ENOTUNIQ;
	}
	fill(table, best.link, best.router, search->address, uplink);
	return 0;
}

int uplink_choose(const struct interfaces *table, const struct uplink_search *search,
		  struct uplink *uplink, struct error *err)
{
	if (search->ifname)
		return choose_named(table, search, uplink, err);
	return choose_any(table, search, uplink, err);
}

int uplink_find(const struct uplink_search *search, struct uplink *uplink, struct error *err)
{
	cleanup_interfaces struct interfaces table = { 0 };
	struct uplink found = { 0 };
	struct interface *link;
	struct error unused;
	int ret;

	ret = network_dump(&table, err);
	if (ret < 0)
		return ret;
	ret = wireless_read(&table, err);
	if (ret < 0)
		return ret;
	ret = uplink_choose(&table, search, &found, err);
	if (ret < 0)
		return ret;

	/* The SSID is for display only: a driver that does not report it is no error. */
	link = interface_by_index(&table, found.ifindex);
	if (wireless_station(link) && !found.ssid[0] && wireless_find_ssid(link, &unused) == 0)
		memcpy(found.ssid, link->ssid, sizeof(found.ssid));
	*uplink = found;
	return 0;
}
