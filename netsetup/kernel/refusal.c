// SPDX-License-Identifier: GPL-2.0-or-later
// Tells why an interface or its address cannot connect a VM to the LAN.
#include "netsetup/kernel/refusal.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"

/* In linux/if.h, which cannot be included together with net/if.h. */
#define LOWER_UP 0x10000

/* Prefixes longer than this leave no address for a VM. */
#define PREFIX_LENGTH_MAX 30

static bool is_tunnel(const struct interface *link)
{
	static const char *const kinds[] = {
		"tun",    "wireguard", "gre", "gretap",  "erspan", "ip6gre", "ip6gretap",
		"ipip",   "ip6tnl",    "sit", "vti",     "vti6",   "xfrm",   "vxlan",
		"geneve", "ppp",       "gtp", "bareudp", "ipvlan",
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(link->kind, kinds[i]))
			return true;
	return false;
}

const char *refusal_link(const struct interface *link)
{
	if (link->flags & IFF_LOOPBACK)
		return "loopback";
	if (!strncmp(link->ifname, TAP_PREFIX, strlen(TAP_PREFIX)))
		return "the tap of a VM";
	if (!ifname_valid(link->ifname))
		return "its name cannot be used";
	if (link->flags & IFF_POINTOPOINT)
		return "point-to-point, does not do ARP";
	if (link->flags & IFF_NOARP)
		return "does not do ARP";
	if (link->type != ARPHRD_ETHER)
		return "not an Ethernet";
	if (is_tunnel(link))
		return "a tunnel";
	return NULL;
}

const char *refusal_state(const struct interface *link)
{
	if (!(link->flags & IFF_UP))
		return "down";
	if (!(link->flags & LOWER_UP) || !(link->flags & IFF_RUNNING))
		return link->wireless ? "not connected to a network" : "no carrier";
	return NULL;
}

const struct interface *refusal_master(const struct interfaces *table, const struct interface *link)
{
	const struct interface *master = NULL;

	if (link->master)
		master = interface_by_index(table, link->master);
	return master;
}

bool refusal_is_vrf(const struct interface *master)
{
	return !strcmp(master->kind, "vrf");
}

const char *refusal_address(const struct interface_address *address)
{
	if (address->peer)
		return "is one end of a point-to-point link";
	if (address->scope != RT_SCOPE_UNIVERSE &&
	    (address->scope != RT_SCOPE_LINK || !ipv4_link_local(address->prefix.address)))
		return "is not of global scope";
	if (!ipv4_unicast(address->prefix.address))
		return "is not a host's address";
	if (address->prefix.length < 1 || address->prefix.length > PREFIX_LENGTH_MAX)
		return "has a prefix that leaves no address for a VM";
	if (address->flags & IFA_F_SECONDARY)
		return "is a secondary address";
	return NULL;
}
