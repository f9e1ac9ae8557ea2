// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the LAN: its addresses, router and DNS.
#include "launcher/doctor/check_lan.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "launcher/lan/dns.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/kernel/netlink.h"
#include "netsetup/kernel/query.h"

/* An address for documentation (RFC 5737), which no host has; its route is that to the Internet. */
#define INTERNET_ADDRESS 0xcb007101u /* 203.0.113.1 */

static int read_oif(struct nlmsghdr *header, void *context)
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

/* Returns the index of the interface that this host's own packets to an address take, or 0. */
static unsigned int find_oif(struct nl_sock *route, struct in_addr address)
{
	const struct rtmsg header = { .rtm_family = AF_INET, .rtm_dst_len = 32 };
	cleanup_nl_msg *message = nlmsg_alloc_simple(RTM_GETROUTE, 0);
	unsigned int found = 0;

	if (!message || nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
	    nla_put(message, RTA_DST, sizeof(address), &address) < 0 ||
	    netlink_request(route, message, read_oif, &found) < 0)
		return 0;
	return found;
}

static const char no_uplink[] = "there is no uplink";

enum severity check_lan_uplink(struct check *check, struct error *finding)
{
	const struct uplink *uplink = &check->uplink;
	char address[IPV4_TEXT_SIZE];

	if (check->uplink_error.code) {
		*finding = check->uplink_error;
		return SEVERITY_FAIL;
	}
	return check_finding(finding, SEVERITY_OK, "%s, %s%s%s, %s", uplink->ifname,
			     uplink->wireless ? "Wi-Fi" : "wired", uplink->ssid[0] ? " " : "",
			     uplink->ssid, ipv4_prefix_text(&uplink->prefix, address));
}

/* Counts all but the subnet's, the broadcast, the host's and the router's; some may be in use. */
enum severity check_lan_addresses(struct check *check, struct error *finding)
{
	const struct uplink *uplink = &check->uplink;
	unsigned long others;

	if (check->uplink_error.code)
		return check_finding(finding, SEVERITY_NOTE, no_uplink);
	others = (1ul << (32 - uplink->prefix.length)) - 3 - !ipv4_unset(uplink->router);
	if (others > 0)
		return check_finding(finding, SEVERITY_OK,
				     "the subnet has %lu besides this host's%s", others,
				     ipv4_unset(uplink->router) ? "" : " and the router's");
	check_finding(finding, SEVERITY_FAIL, "the subnet has no address for a VM");
	error_remedy(finding,
		     "set a prefix shorter than /%u in the router, or join another network",
		     uplink->prefix.length);
	return SEVERITY_FAIL;
}

enum severity check_lan_router(struct check *check, struct error *finding)
{
	const struct uplink *uplink = &check->uplink;
	cleanup_nl_sock *route = NULL;
	char address[IPV4_TEXT_SIZE], text[ARP_MAC_TEXT_SIZE];
	struct ether_addr mac;

	if (check->uplink_error.code)
		return check_finding(finding, SEVERITY_NOTE, no_uplink);
	if (ipv4_unset(uplink->router)) {
		check_finding(finding, SEVERITY_WARN, "no default route through '%s'",
			      uplink->ifname);
		error_remedy(finding, "VMs reach the LAN only; name their gateway with "
				      "'network.gateway'");
		return SEVERITY_WARN;
	}
	ipv4_text(uplink->router, address);
	if (netlink_open(NETLINK_ROUTE, &route, finding) < 0)
		return SEVERITY_WARN;
	if (query_neighbour(route, uplink->router, uplink->ifindex, &mac) == 1)
		return check_finding(finding, SEVERITY_OK, "%s, which is %s", address,
				     arp_mac_text(&mac, text));
	return check_finding(finding, SEVERITY_OK, "%s", address);
}

/* Packets of guests take the same routes as this host's own, except for rules that match a mark. */
enum severity check_lan_internet(struct check *check, struct error *finding)
{
	const struct in_addr internet_address = { htonl(INTERNET_ADDRESS) };
	const struct uplink *uplink = &check->uplink;
	cleanup_nl_sock *route = NULL;
	unsigned int lan, internet;
	char ifname[IFNAMSIZ] = "", address[IPV4_TEXT_SIZE];

	if (check->uplink_error.code)
		return check_finding(finding, SEVERITY_NOTE, no_uplink);
	if (netlink_open(NETLINK_ROUTE, &route, finding) < 0)
		return SEVERITY_WARN;
	lan = ipv4_unset(uplink->router) ? uplink->ifindex : find_oif(route, uplink->router);
	internet = find_oif(route, internet_address);
	if (lan != uplink->ifindex) {
		check_finding(finding, SEVERITY_FAIL,
			      "packets to the LAN go through '%s', not '%s'",
			      if_indextoname(lan, ifname) ? ifname : "?", uplink->ifname);
		error_remedy(finding,
			     "end the VPN, or exclude the LAN from it: ip rule; ip route get %s",
			     ipv4_text(uplink->router, address));
		return SEVERITY_FAIL;
	}
	if (internet == 0)
		return check_finding(finding, SEVERITY_WARN,
				     "this host and its VMs have no route to it");
	if (internet == uplink->ifindex)
		return check_finding(finding, SEVERITY_OK, "through %s", uplink->ifname);
	check_finding(finding, SEVERITY_WARN,
		      "this host and its VMs reach it through '%s', not '%s'",
		      if_indextoname(internet, ifname) ? ifname : "?", uplink->ifname);
	error_remedy(finding,
		     "a VPN does that, and may drop packets of VMs: see vmrun(1), LIMITATIONS");
	return SEVERITY_WARN;
}

enum severity check_lan_dns(struct check *check, struct error *finding)
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
		return check_finding(finding, SEVERITY_OK, "%s", text);
	check_finding(
		finding, SEVERITY_WARN,
		"no server but stubs on this host: VMs use the router, which may not serve DNS");
	error_remedy(finding, "name one in the definition, as network.dns: [9.9.9.9]");
	return SEVERITY_WARN;
}

/**
 * struct stations - counts of this host's neighbour table for the LAN.
 * @router: true if the router has answered.
 * @answered, @silent: numbers of the other stations that did, and that did not.
 */
struct stations {
	const struct uplink *uplink;
	bool router;
	unsigned int answered;
	unsigned int silent;
};

static int count_neighbour(struct nlmsghdr *header, void *context)
{
	const struct ndmsg *neighbour = nlmsg_data(header);
	struct stations *stations = context;
	struct in_addr address = { INADDR_ANY };
	struct nlattr *attribute;
	bool silent;

	if (header->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(header, sizeof(*neighbour)) ||
	    neighbour->ndm_family != AF_INET || neighbour->ndm_flags & NTF_PROXY ||
	    neighbour->ndm_ifindex != (int)stations->uplink->ifindex ||
	    neighbour->ndm_state & (NUD_NOARP | NUD_PERMANENT))
		return 0;
	attribute = nlmsg_find_attr(header, sizeof(*neighbour), NDA_DST);
	if (attribute && nla_len(attribute) == sizeof(address))
		nla_memcpy(&address, attribute, sizeof(address));
	silent = neighbour->ndm_state & (NUD_FAILED | NUD_INCOMPLETE);
	if (ipv4_equal(address, stations->uplink->router))
		stations->router = !silent;
	else
		*(silent ? &stations->silent : &stations->answered) += 1;
	return 0;
}

static void count_stations(struct stations *stations)
{
	const struct ndmsg header = { .ndm_family = AF_INET };
	cleanup_nl_msg *message = netlink_message(RTM_GETNEIGH, NLM_F_DUMP, &header,
						  sizeof(header));
	cleanup_nl_sock *route = NULL;
	struct error ignored;

	/* An interrupted dump has counted some, which is as good. */
	if (message && netlink_open(NETLINK_ROUTE, &route, &ignored) == 0)
		netlink_request(route, message, count_neighbour, stations);
}

/* An isolating access point passes packets of the router, and none between its stations. */
enum severity check_lan_stations(struct check *check, struct error *finding)
{
	struct stations stations = { .uplink = &check->uplink };
	enum severity severity = SEVERITY_NOTE;

	if (check->uplink_error.code || !check->uplink.wireless)
		return check_finding(finding, SEVERITY_OK, "there is no Wi-Fi uplink");
	count_stations(&stations);
	if (stations.answered > 0)
		return check_finding(finding, SEVERITY_OK,
				     "this host hears other stations of the LAN");
	if (stations.router && stations.silent > 0) {
		severity = SEVERITY_WARN;
		check_finding(finding, severity,
			      "the router answers this host, but no other station does, of %u "
			      "asked: the access point seems to isolate its stations",
			      stations.silent);
	} else {
		check_finding(finding, severity,
			      "this host has no neighbour yet that shows if the access point "
			      "isolates its stations; ping one");
	}
	error_remedy(finding, "if other devices cannot reach VMs, switch off client isolation: see "
			      "vmrun(1), LIMITATIONS");
	return severity;
}
