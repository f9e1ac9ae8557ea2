// SPDX-License-Identifier: GPL-2.0-or-later
// Finds host routes and proxy entries that other programs have made.
#include "netsetup/host/foreign_routes.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/base/printable.h"
#include "netsetup/host/host.h"

/**
 * struct listing - one search through routes and proxy entries.
 * @uplink: index of the interface whose proxy entries count.
 * @set: collects all addresses, or NULL.
 * @wanted: the one address to look for if @set is NULL.
 * @ifindex: interface of the route to @wanted; 0: no route.
 * @proxied: true if @wanted has a proxy entry.
 */
struct listing {
	unsigned int uplink;
	struct address_set *set;
	struct in_addr wanted;
	unsigned int ifindex;
	bool proxied;
};

/* Collects an address; returns true if it is the wanted one. */
static bool collect(struct listing *listing, struct nlattr *attribute)
{
	struct in_addr address;

	if (!attribute || nla_len(attribute) != sizeof(address))
		return false;
	nla_memcpy(&address, attribute, sizeof(address));
	if (listing->set)
		address_set_add(listing->set, address);
	return !listing->set && ipv4_equal(address, listing->wanted);
}

static int on_route(struct nlmsghdr *header, void *context)
{
	struct listing *listing = context;
	const struct rtmsg *route = nlmsg_data(header);
	struct nlattr *oif;

	if (header->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(header, sizeof(*route)) ||
	    route->rtm_family != AF_INET || route->rtm_dst_len != 32 ||
	    route->rtm_table != RT_TABLE_MAIN || route->rtm_protocol == HOST_PROTOCOL ||
	    !collect(listing, nlmsg_find_attr(header, sizeof(*route), RTA_DST)))
		return 0;
	oif = nlmsg_find_attr(header, sizeof(*route), RTA_OIF);
	/* A blackhole or multipath route has no interface of its own: name the uplink. */
	listing->ifindex = oif && nla_len(oif) == sizeof(uint32_t) ? nla_get_u32(oif)
								   : listing->uplink;
	return 0;
}

static int on_proxy(struct nlmsghdr *header, void *context)
{
	struct listing *listing = context;
	const struct ndmsg *entry = nlmsg_data(header);
	struct nlattr *protocol;

	if (header->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(header, sizeof(*entry)) ||
	    entry->ndm_family != AF_INET || !(entry->ndm_flags & NTF_PROXY) ||
	    (unsigned int)entry->ndm_ifindex != listing->uplink)
		return 0;
	protocol = nlmsg_find_attr(header, sizeof(*entry), NDA_PROTOCOL);
	if (protocol && nla_len(protocol) == 1 && nla_get_u8(protocol) == HOST_PROTOCOL)
		return 0;
	if (collect(listing, nlmsg_find_attr(header, sizeof(*entry), NDA_DST)))
		listing->proxied = true;
	return 0;
}

static int dump(struct nl_sock *route, int type, const void *header, size_t size,
		netlink_parse_fn *parse, struct listing *listing)
{
	cleanup_nl_msg *message = netlink_message(type, NLM_F_DUMP, header, size);
	int ret = message ? netlink_request(route, message, parse, listing) : -ENOMEM;

	/* -EINTR: the table changed meanwhile. Adding our own entry finds what was missed here. */
	return ret == -EINTR ? 0 : ret;
}

static int search_host(struct nl_sock *route, struct listing *listing, struct error *err)
{
	const struct rtmsg routes = { .rtm_family = AF_INET };
	const struct ndmsg entries = { .ndm_family = AF_INET, .ndm_flags = NTF_PROXY };
	int ret;

	ret = dump(route, RTM_GETROUTE, &routes, sizeof(routes), on_route, listing);
	if (ret == 0)
		ret = dump(route, RTM_GETNEIGH, &entries, sizeof(entries), on_proxy, listing);
	return ret < 0 ? error_set_errno(err, -ret, "cannot list this host's routes") : 0;
}

int foreign_routes_list(struct nl_sock *route, unsigned int uplink, struct address_set *set,
			struct error *err)
{
	struct listing listing = { .uplink = uplink, .set = set };

	return search_host(route, &listing, err);
}

int foreign_routes_check(struct nl_sock *route, unsigned int uplink, struct in_addr address,
			 struct error *err)
{
	struct listing listing = { .uplink = uplink, .wanted = address };
	char text[IPV4_TEXT_SIZE], ifname[IF_NAMESIZE], word[PRINTABLE_WORD_SIZE(IF_NAMESIZE)];
	int ret = search_host(route, &listing, err);

	if (ret < 0 || (!listing.ifindex && !listing.proxied))
		return ret;
	ipv4_text(address, text);
	if (!if_indextoname(listing.ifindex ? listing.ifindex : uplink, ifname) ||
	    !ifname_valid(ifname))
		memcpy(ifname, "IF", sizeof("IF"));
	if (listing.ifindex) {
		error_setf(err, STATUS_NETWORK, EEXIST,
			   "address %s already has a route of another program, through '%s'", text,
			   ifname);
		error_remedy(err, "choose another, or: sudo ip route delete %s/32 dev %s", text,
			     printable_word(ifname, word));
	} else {
		error_setf(err, STATUS_NETWORK, EEXIST,
			   "address %s already has a proxy entry of another program, on '%s'", text,
			   ifname);
		error_remedy(err, "choose another, or: sudo ip neigh delete proxy %s dev %s", text,
			     printable_word(ifname, word));
	}
	return -EEXIST;
}
