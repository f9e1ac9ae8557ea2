// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the LAN: its addresses, router and DNS.
#include "launcher/doctor/check_lan.h"

#include <linux/rtnetlink.h>
#include <stdio.h>

#include "launcher/lan/dns.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/kernel/netlink.h"
#include "netsetup/kernel/query.h"

/* For documentation (RFC 5737), so nobody's: where it would go is where the Internet is. */
#define ELSEWHERE 0xcb007101u /* 203.0.113.1 */

static int way_seen(struct nlmsghdr *header, void *context)
{
	unsigned int *ifindex = context;
	struct nlattr *oif;

	if (header->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(header, sizeof(struct rtmsg)))
		return 0;
	oif = nlmsg_find_attr(header, sizeof(struct rtmsg), RTA_OIF);
	if (oif && nla_len(oif) == sizeof(uint32_t))
		*ifindex = nla_get_u32(oif);
	return 0;
}

/* Through which interface packets of this host's own for an address would go; 0: through none. */
static unsigned int find_way(struct nl_sock *route, struct in_addr address)
{
	const struct rtmsg header = { .rtm_family = AF_INET, .rtm_dst_len = 32 };
	cleanup_nl_msg *message = nlmsg_alloc_simple(RTM_GETROUTE, 0);
	unsigned int found = 0;

	if (!message || nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
	    nla_put(message, RTA_DST, sizeof(address), &address) < 0 ||
	    nl_request(route, message, way_seen, &found) < 0)
		return 0;
	return found;
}

static const char no_uplink[] = "there is no uplink";

enum grade checkup_uplink(struct checkup *checkup, struct error *said)
{
	const struct uplink *uplink = &checkup->uplink;
	char address[IPV4_TEXT_SIZE];

	if (checkup->uplink_error.code) {
		*said = checkup->uplink_error;
		return GRADE_FAIL;
	}
	return checkup_say(said, GRADE_OK, "%s, %s%s%s, %s", uplink->ifname,
			   uplink->wireless ? "Wi-Fi" : "wired", uplink->ssid[0] ? " " : "",
			   uplink->ssid, prefix_text(&uplink->prefix, address));
}

/* Counts all but the subnet's, the broadcast, the host's and the router's; some may be taken. */
enum grade checkup_addresses(struct checkup *checkup, struct error *said)
{
	const struct uplink *uplink = &checkup->uplink;
	unsigned long others;

	if (checkup->uplink_error.code)
		return checkup_say(said, GRADE_NOTE, no_uplink);
	others = (1ul << (32 - uplink->prefix.length)) - 3 - !ipv4_unset(uplink->router);
	if (others > 0)
		return checkup_say(said, GRADE_OK, "the subnet has %lu besides this host's%s",
				   others, ipv4_unset(uplink->router) ? "" : " and the router's");
	checkup_say(said, GRADE_FAIL, "the subnet has no address for a VM");
	error_remedy(said,
		     "have the router give out a prefix shorter than /%u, or join another "
		     "network",
		     uplink->prefix.length);
	return GRADE_FAIL;
}

enum grade checkup_router(struct checkup *checkup, struct error *said)
{
	const struct uplink *uplink = &checkup->uplink;
	cleanup_nl_sock *route = NULL;
	char address[IPV4_TEXT_SIZE], text[MAC_TEXT_SIZE];
	struct ether_addr mac;

	if (checkup->uplink_error.code)
		return checkup_say(said, GRADE_NOTE, no_uplink);
	if (ipv4_unset(uplink->router)) {
		checkup_say(said, GRADE_WARN, "no default route through '%s'", uplink->ifname);
		error_remedy(said, "VMs reach the LAN only; name their gateway with "
				   "'network.gateway'");
		return GRADE_WARN;
	}
	ipv4_text(uplink->router, address);
	if (nl_socket_open(NETLINK_ROUTE, &route, said) < 0)
		return GRADE_WARN;
	if (observe_neighbour(route, uplink->router, uplink->ifindex, &mac) == 1)
		return checkup_say(said, GRADE_OK, "%s, which is %s", address,
				   mac_text(&mac, text));
	return checkup_say(said, GRADE_OK, "%s", address);
}

/* The guest's packets take the ways that the laptop's own take, but for those that a mark leads. */
enum grade checkup_internet(struct checkup *checkup, struct error *said)
{
	const struct in_addr elsewhere = { htonl(ELSEWHERE) };
	const struct uplink *uplink = &checkup->uplink;
	cleanup_nl_sock *route = NULL;
	unsigned int lan, internet;
	char ifname[IFNAMSIZ] = "", address[IPV4_TEXT_SIZE];

	if (checkup->uplink_error.code)
		return checkup_say(said, GRADE_NOTE, no_uplink);
	if (nl_socket_open(NETLINK_ROUTE, &route, said) < 0)
		return GRADE_WARN;
	lan = ipv4_unset(uplink->router) ? uplink->ifindex : find_way(route, uplink->router);
	internet = find_way(route, elsewhere);
	if (lan != uplink->ifindex) {
		checkup_say(said, GRADE_FAIL, "what is for the LAN goes through '%s', not '%s'",
			    if_indextoname(lan, ifname) ? ifname : "?", uplink->ifname);
		error_remedy(said,
			     "a VPN does that: have it leave the local network alone, or end "
			     "it; see: ip rule; ip route get %s",
			     ipv4_text(uplink->router, address));
		return GRADE_FAIL;
	}
	if (internet == 0)
		return checkup_say(said, GRADE_WARN,
				   "this host has no way to the Internet, so a VM "
				   "has none");
	if (internet == uplink->ifindex)
		return checkup_say(said, GRADE_OK, "through %s", uplink->ifname);
	checkup_say(said, GRADE_WARN, "it is reached through '%s', not '%s', also by VMs",
		    if_indextoname(internet, ifname) ? ifname : "?", uplink->ifname);
	error_remedy(said,
		     "a VPN does that, and may drop what VMs send: see vmrun(1), LIMITATIONS");
	return GRADE_WARN;
}

enum grade checkup_dns(struct checkup *checkup, struct error *said)
{
	const struct in_addr none = { INADDR_ANY };
	struct in_addr dns[DNS_MAX];
	const unsigned int count = dns_find("", none, dns);
	char text[DNS_MAX * (IPV4_TEXT_SIZE + 2)] = "", address[IPV4_TEXT_SIZE];
	size_t used = 0;

	for (unsigned int i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? ", " : "",
					 ipv4_text(dns[i], address));
	if (count > 0)
		return checkup_say(said, GRADE_OK, "%s", text);
	checkup_say(said, GRADE_WARN,
		    "no server but stubs on this host: VMs are told the router, which may be none");
	error_remedy(said, "name one in the definition, as network.dns: [9.9.9.9]");
	return GRADE_WARN;
}

enum grade checkup_stations(struct checkup *checkup, struct error *said)
{
	if (checkup->uplink_error.code || !checkup->uplink.wireless)
		return checkup_say(said, GRADE_OK,
				   "not through an access point, as far as is seen");
	checkup_say(said, GRADE_NOTE,
		    "whether the access point lets its stations reach each other "
		    "is not seen from here");
	error_remedy(said, "if they do not reach VMs either: switch its client isolation off; see "
			   "vmrun(1), LIMITATIONS");
	return GRADE_NOTE;
}
