// SPDX-License-Identifier: GPL-2.0-or-later
// Chooses uplinks from tables of interfaces.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/nl80211.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "launcher/lan/uplink.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/interface.h"

#define LOWER_UP 0x10000
#define UP       (IFF_UP | IFF_RUNNING | LOWER_UP | IFF_BROADCAST | IFF_MULTICAST)
#define MAX      16

/* An interface as text and as differences to an Ethernet interface that is up. */
struct test_link {
	unsigned int ifindex;
	const char *ifname;
	unsigned int with;    /* IFF_* to set */
	unsigned int without; /* IFF_* to clear */
	unsigned int type;    /* ARPHRD_*, 0 for Ethernet */
	unsigned int master;
	const char *kind;
	bool wireless;
	unsigned int wireless_type;
};

struct test_address {
	unsigned int ifindex;
	const char *address;
	unsigned int length;
	unsigned int scope;
	uint32_t flags;
	bool peer;
};

struct test_route {
	unsigned int ifindex;
	const char *router;
	uint32_t metric;
};

#define LINK(index, name, ...)                                \
	{                                                     \
		.ifindex = index, .ifname = name, __VA_ARGS__ \
	}
#define WIFI(index, name, ...) LINK(index, name, .wireless = true, __VA_ARGS__)
#define STATION(index, name, ...) \
	WIFI(index, name, .wireless_type = NL80211_IFTYPE_STATION, __VA_ARGS__)
#define LOOPBACK \
	LINK(1, "lo", .type = ARPHRD_LOOPBACK, .with = IFF_LOOPBACK, .without = IFF_BROADCAST)
#define TUN(index, name) \
	LINK(index, name, .type = ARPHRD_NONE, .with = IFF_POINTOPOINT | IFF_NOARP, .kind = "tun")
#define ADDRESS(index, text, bits, ...)                                        \
	{                                                                      \
		.ifindex = index, .address = text, .length = bits, __VA_ARGS__ \
	}
#define ROUTE(index, text, number)                                 \
	{                                                          \
		.ifindex = index, .router = text, .metric = number \
	}

struct uplink_case {
	const char *name;
	struct test_link links[MAX];
	struct test_address addresses[MAX];
	struct test_route routes[MAX];
	struct uplink_search search;
	int result;
	const char *found;   /* "IF ADDRESS/LENGTH ROUTER" */
	const char *message; /* the complete message */
	const char *remedy;  /* the complete remedy */
};

static const struct uplink_case cases[] = {
	{
		.name = "wireless with a default route before wired with a better one",
		.links = { LOOPBACK, LINK(2, "eth0"), STATION(3, "wlan0") },
		.addresses = { ADDRESS(1, "127.0.0.1", 8, .scope = RT_SCOPE_HOST),
			       ADDRESS(2, "10.0.0.5", 8), ADDRESS(3, "192.168.1.5", 24) },
		.routes = { ROUTE(2, "10.0.0.1", 100), ROUTE(3, "192.168.1.1", 600) },
		.found = "wlan0 192.168.1.5/24 192.168.1.1",
	},
	{
		.name = "wired when the wireless one has no default route",
		.links = { LINK(2, "eth0"), STATION(3, "wlan0") },
		.addresses = { ADDRESS(2, "10.0.0.5", 8), ADDRESS(3, "192.168.1.5", 24) },
		.routes = { ROUTE(2, "10.0.0.1", 100) },
		.found = "eth0 10.0.0.5/8 10.0.0.1",
	},
	{
		.name = "wired when the wireless one is not connected",
		.links = { LINK(2, "eth0"),
			   STATION(3, "wlan0", .without = LOWER_UP | IFF_RUNNING) },
		.addresses = { ADDRESS(2, "10.0.0.5", 8), ADDRESS(3, "192.168.1.5", 24) },
		.routes = { ROUTE(3, "192.168.1.1", 20), ROUTE(2, "10.0.0.1", 100) },
		.found = "eth0 10.0.0.5/8 10.0.0.1",
	},
	{
		.name = "an access point has no precedence",
		.links = { LINK(2, "eth0"), WIFI(3, "wlan0", .wireless_type = NL80211_IFTYPE_AP) },
		.addresses = { ADDRESS(2, "10.0.0.5", 8), ADDRESS(3, "192.168.1.5", 24) },
		.routes = { ROUTE(2, "10.0.0.1", 100), ROUTE(3, "192.168.1.1", 600) },
		.found = "eth0 10.0.0.5/8 10.0.0.1",
	},
	{
		.name = "wireless by sysfs alone counts as a station",
		.links = { LINK(2, "eth0"), LINK(3, "wlan0", .wireless = true) },
		.addresses = { ADDRESS(2, "10.0.0.5", 8), ADDRESS(3, "192.168.1.5", 24) },
		.routes = { ROUTE(2, "10.0.0.1", 100), ROUTE(3, "192.168.1.1", 600) },
		.found = "wlan0 192.168.1.5/24 192.168.1.1",
	},
	{
		.name = "of two wired the lower metric, whatever their order",
		.links = { LINK(2, "eth0"), LINK(3, "eth1") },
		.addresses = { ADDRESS(2, "10.0.0.5", 8), ADDRESS(3, "192.168.1.5", 24) },
		.routes = { ROUTE(2, "10.0.0.1", 200), ROUTE(3, "192.168.1.1", 100) },
		.found = "eth1 192.168.1.5/24 192.168.1.1",
	},
	{
		.name = "of two wireless the lower metric",
		.links = { STATION(2, "wlan0"), STATION(3, "wlan1") },
		.addresses = { ADDRESS(2, "10.0.0.5", 8), ADDRESS(3, "192.168.1.5", 24) },
		.routes = { ROUTE(2, "10.0.0.1", 600), ROUTE(3, "192.168.1.1", 601) },
		.found = "wlan0 10.0.0.5/8 10.0.0.1",
	},
	{
		.name = "two equally good ones",
		.links = { STATION(2, "wlan0"), STATION(3, "wlan1") },
		.addresses = { ADDRESS(2, "10.0.0.5", 8), ADDRESS(3, "192.168.1.5", 24) },
		.routes = { ROUTE(2, "10.0.0.1", 600), ROUTE(3, "192.168.1.1", 600) },
		.result = -ENOTUNIQ,
		.message = "several uplinks are equally good: 'wlan0', 'wlan1'",
		.remedy = "choose one: --uplink=wlan0 or --uplink=wlan1",
	},
	{
		.name = "two equally good ones and then a better one",
		.links = { LINK(2, "eth0"), LINK(3, "eth1"), LINK(4, "eth2") },
		.addresses = { ADDRESS(2, "10.0.0.5", 8), ADDRESS(3, "10.1.0.5", 24),
			       ADDRESS(4, "10.2.0.5", 24) },
		.routes = { ROUTE(2, "10.0.0.1", 9), ROUTE(3, "10.1.0.1", 9),
			    ROUTE(4, "10.2.0.1", 8) },
		.found = "eth2 10.2.0.5/24 10.2.0.1",
	},
	{
		.name = "multipath over one interface",
		.links = { LINK(2, "eth0") },
		.addresses = { ADDRESS(2, "10.0.0.5", 8) },
		.routes = { ROUTE(2, "10.0.0.1", 0), ROUTE(2, "10.0.0.2", 0) },
		.found = "eth0 10.0.0.5/8 10.0.0.1",
	},
	{
		.name = "a VPN's default route does not hide the LAN's",
		.links = { TUN(4, "tun0"), STATION(3, "wlan0") },
		.addresses = { ADDRESS(4, "10.8.0.2", 24), ADDRESS(3, "192.168.1.5", 24) },
		.routes = { ROUTE(4, NULL, 50), ROUTE(3, "192.168.1.1", 600) },
		.found = "wlan0 192.168.1.5/24 192.168.1.1",
	},
	{
		.name = "none at all",
		.links = { LOOPBACK },
		.addresses = { ADDRESS(1, "127.0.0.1", 8, .scope = RT_SCOPE_HOST) },
		.result = -ENODEV,
		.message = "no usable uplink",
		.remedy = "there is no network interface but the loopback\n"
			  "use a network of QEMU's own: --set network=user",
	},
	{
		.name = "each one is refused for its own reason",
		.links = { LOOPBACK, TUN(2, "tun0"),
			   LINK(3, "down0", .without = IFF_UP | IFF_RUNNING | LOWER_UP),
			   LINK(4, "cable0", .without = LOWER_UP | IFF_RUNNING),
			   STATION(5, "wlan0", .without = IFF_RUNNING), LINK(6, "none0"),
			   LINK(7, "mon0", .type = ARPHRD_IEEE80211_RADIOTAP, .wireless = true,
				.wireless_type = NL80211_IFTYPE_MONITOR),
			   LINK(8, "vmr-web", .kind = "tun"), LINK(9, "tap0", .kind = "tun"),
			   LINK(10, "dummy0", .with = IFF_NOARP, .kind = "dummy") },
		.routes = { ROUTE(2, NULL, 0) },
		.result = -ENODEV,
		.message = "no usable uplink",
		.remedy = "  tun0: point-to-point, does not do ARP (has the default route)\n"
			  "  down0: down\n"
			  "  cable0: no carrier\n"
			  "  wlan0: not connected to a network\n"
			  "  none0: no IPv4 address\n"
			  "  mon0 (Wi-Fi monitor): not an Ethernet\n"
			  "  vmr-web: the tap of a VM\n"
			  "  tap0: a tunnel\n"
			  "  dummy0: does not do ARP\n"
			  "connect 'wlan0' to a network, or use a network of QEMU's own: --set "
			  "network=user",
	},
	{
		.name = "addresses that do not do",
		.links = { LINK(2, "a"), LINK(3, "b"), LINK(4, "c"), LINK(5, "d"), LINK(6, "e") },
		.addresses = { ADDRESS(2, "192.0.2.0", 31), ADDRESS(3, "192.0.2.7", 32),
			       ADDRESS(4, "192.0.2.9", 24, .peer = true),
			       ADDRESS(5, "10.254.3.4", 16, .scope = RT_SCOPE_LINK),
			       ADDRESS(6, "127.0.0.3", 8) },
		.routes = { ROUTE(2, "192.0.2.1", 0), ROUTE(3, "192.0.2.1", 0),
			    ROUTE(4, "192.0.2.1", 0), ROUTE(5, "192.0.2.1", 0),
			    ROUTE(6, "192.0.2.1", 0) },
		.result = -ENODEV,
		.message = "no usable uplink",
		.remedy = "  a: its address 192.0.2.0/31 has a prefix that leaves no address for a "
			  "VM "
			  "(has the default route)\n"
			  "  b: its address 192.0.2.7/32 has a prefix that leaves no address for a "
			  "VM "
			  "(has the default route)\n"
			  "  c: its address 192.0.2.9/24 is one end of a point-to-point link "
			  "(has the default route)\n"
			  "  d: its address 10.254.3.4/16 is not of global scope "
			  "(has the default route)\n"
			  "  e: its address 127.0.0.3/8 is not a host's address (has the default "
			  "route)\n"
			  "connect 'a' to a network, or use a network of QEMU's own: --set "
			  "network=user",
	},
	{
		.name = "a usable one without a default route is what the hint names",
		.links = { LINK(2, "eth0"), LINK(3, "eth1") },
		.addresses = { ADDRESS(3, "192.168.1.5", 24) },
		.result = -ENODEV,
		.message = "no usable uplink",
		.remedy = "  eth0: no IPv4 address\n"
			  "  eth1: no default route\n"
			  "give one with --uplink=eth1",
	},
	{
		.name = "a list of many is cut and counted",
		.links = { LINK(2, "a"), LINK(3, "b"), LINK(4, "c"), LINK(5, "d"), LINK(6, "e"),
			   LINK(7, "f"), LINK(8, "g"), LINK(9, "h"), LINK(10, "i"), LINK(11, "j"),
			   LINK(12, "k"), LINK(13, "l", .without = IFF_UP) },
		.routes = { ROUTE(13, "192.168.1.1", 0) },
		.result = -ENODEV,
		.message = "no usable uplink",
		.remedy = "  l: down (has the default route)\n"
			  "  a: no IPv4 address\n  b: no IPv4 address\n  c: no IPv4 address\n"
			  "  d: no IPv4 address\n  e: no IPv4 address\n  f: no IPv4 address\n"
			  "  g: no IPv4 address\n  h: no IPv4 address\n  i: no IPv4 address\n"
			  "  and 2 more\n"
			  "connect 'l' to a network, or use a network of QEMU's own: --set "
			  "network=user",
	},
	{
		.name = "a name that would act on the terminal is not printed as it is",
		.links = { LINK(2, "\033[2J\xff") },
		.addresses = { ADDRESS(2, "192.168.1.5", 24) },
		.routes = { ROUTE(2, "192.168.1.1", 0) },
		.result = -ENODEV,
		.message = "no usable uplink",
		.remedy = "  \\x1b[2J\\xff: its name cannot be used "
			  "(has the default route)\n"
			  "use a network of QEMU's own: --set network=user",
	},
	{
		.name = "the bridge of a port that has the default route",
		.links = { LINK(2, "eth0", .master = 3), LINK(3, "br0", .kind = "bridge") },
		.addresses = { ADDRESS(3, "192.168.1.5", 24) },
		.routes = { ROUTE(2, "192.168.1.1", 5) },
		.found = "br0 192.168.1.5/24 192.168.1.1",
	},
	{
		.name = "a bridge with the default route of its own",
		.links = { LINK(2, "eth0", .master = 3), LINK(3, "br0", .kind = "bridge") },
		.addresses = { ADDRESS(3, "192.168.1.5", 24) },
		.routes = { ROUTE(3, "192.168.1.1", 5) },
		.found = "br0 192.168.1.5/24 192.168.1.1",
	},
	{
		.name = "a VRF's member, which is named, and not advised",
		.links = { LINK(2, "eth0", .master = 3),
			   LINK(3, "vrf0", .kind = "vrf", .with = IFF_NOARP) },
		.addresses = { ADDRESS(2, "192.168.1.5", 24) },
		.routes = { ROUTE(2, "192.168.1.1", 5) },
		.search.ifname = "eth0",
		.result = -ENODEV,
		.message = "cannot use uplink 'eth0': in VRF 'vrf0', which has routes of its own",
		.remedy = "",
	},
	{
		.name = "a VRF's member with a default route in the main table",
		.links = { LINK(2, "eth0", .master = 3),
			   LINK(3, "vrf0", .kind = "vrf", .with = IFF_NOARP) },
		.addresses = { ADDRESS(2, "192.168.1.5", 24) },
		.routes = { ROUTE(2, "192.168.1.1", 5) },
		.result = -ENODEV,
		.message = "no usable uplink",
		.remedy = "  eth0: in VRF 'vrf0', which has routes of its own (has the default "
			  "route)\n"
			  "  vrf0: does not do ARP\n"
			  "use a network of QEMU's own: --set network=user",
	},
	{
		.name = "a running VM stays on its uplink, an equal one comes later",
		.links = { LINK(2, "eth0"), LINK(3, "eth1") },
		.addresses = { ADDRESS(2, "192.168.1.5", 24), ADDRESS(3, "192.168.2.5", 24) },
		.routes = { ROUTE(2, "192.168.1.1", 5), ROUTE(3, "192.168.2.1", 5) },
		.search.present = 2,
		.found = "eth0 192.168.1.5/24 192.168.1.1",
	},
	{
		.name = "a running VM stays on its uplink, an equal one comes earlier",
		.links = { LINK(2, "eth0"), LINK(3, "eth1") },
		.addresses = { ADDRESS(2, "192.168.1.5", 24), ADDRESS(3, "192.168.2.5", 24) },
		.routes = { ROUTE(2, "192.168.1.1", 5), ROUTE(3, "192.168.2.1", 5) },
		.search.present = 3,
		.found = "eth1 192.168.2.5/24 192.168.2.1",
	},
	{
		.name = "a running VM goes to a better uplink",
		.links = { LINK(2, "eth0"), LINK(3, "eth1") },
		.addresses = { ADDRESS(2, "192.168.1.5", 24), ADDRESS(3, "192.168.2.5", 24) },
		.routes = { ROUTE(2, "192.168.1.1", 5), ROUTE(3, "192.168.2.1", 4) },
		.search.present = 2,
		.found = "eth1 192.168.2.5/24 192.168.2.1",
	},
	{
		.name = "the subnet of a fixed address before the router's",
		.links = { LINK(2, "eth0") },
		.addresses = { ADDRESS(2, "192.168.1.5", 24), ADDRESS(2, "10.0.0.5", 24) },
		.routes = { ROUTE(2, "192.168.1.1", 5) },
		.search.address.s_addr = 0x0900000a, /* 10.0.0.9, little-endian */
		.found = "eth0 10.0.0.5/24 192.168.1.1",
	},
	{
		.name = "a link-local address",
		.links = { LINK(2, "eth0") },
		.addresses = { ADDRESS(2, "169.254.3.4", 16, .scope = RT_SCOPE_LINK) },
		.routes = { ROUTE(2, NULL, 5) },
		.found = "eth0 169.254.3.4/16 0.0.0.0",
	},
	{
		.name = "a link-local address after a global one",
		.links = { LINK(2, "eth0") },
		.addresses = { ADDRESS(2, "169.254.3.4", 16, .scope = RT_SCOPE_LINK),
			       ADDRESS(2, "192.168.1.5", 24) },
		.routes = { ROUTE(2, NULL, 5) },
		.found = "eth0 192.168.1.5/24 0.0.0.0",
	},
	{
		.name = "a default route without a router",
		.links = { LINK(2, "eth0") },
		.addresses = { ADDRESS(2, "192.168.1.5", 24) },
		.routes = { ROUTE(2, NULL, 0) },
		.found = "eth0 192.168.1.5/24 0.0.0.0",
	},
	{
		.name = "a route whose interface is gone",
		.links = { LINK(2, "eth0") },
		.addresses = { ADDRESS(2, "192.168.1.5", 24) },
		.routes = { ROUTE(9, "192.168.1.1", 1), ROUTE(2, "192.168.1.1", 2) },
		.found = "eth0 192.168.1.5/24 192.168.1.1",
	},
	{
		.name = "of several addresses the router's neighbour",
		.links = { LINK(2, "eth0") },
		.addresses = { ADDRESS(2, "192.168.1.5", 24), ADDRESS(2, "10.0.0.5", 8),
			       ADDRESS(2, "10.0.0.6", 8) },
		.routes = { ROUTE(2, "10.0.0.1", 0) },
		.found = "eth0 10.0.0.5/8 10.0.0.1",
	},
	{
		.name = "the first address when the router is in no subnet",
		.links = { LINK(2, "eth0") },
		.addresses = { ADDRESS(2, "192.168.1.5", 32), ADDRESS(2, "192.168.2.5", 30),
			       ADDRESS(2, "10.0.0.5", 8) },
		.routes = { ROUTE(2, "172.16.0.1", 0) },
		.found = "eth0 192.168.2.5/30 172.16.0.1",
	},
	{
		.name = "never a secondary address",
		.links = { LINK(2, "eth0") },
		.addresses = { ADDRESS(2, "192.168.1.6", 24, .flags = IFA_F_SECONDARY),
			       ADDRESS(2, "192.168.1.5", 24) },
		.routes = { ROUTE(2, "192.168.1.1", 0) },
		.found = "eth0 192.168.1.5/24 192.168.1.1",
	},
	{
		.name = "by name, though another has the better route",
		.links = { STATION(2, "wlan0"), LINK(3, "eth1") },
		.addresses = { ADDRESS(2, "10.0.0.5", 8), ADDRESS(3, "192.168.1.5", 24) },
		.routes = { ROUTE(2, "10.0.0.1", 1), ROUTE(3, "192.168.1.1", 9),
			    ROUTE(3, "192.168.1.2", 8) },
		.search.ifname = "eth1",
		.found = "eth1 192.168.1.5/24 192.168.1.2",
	},
	{
		.name = "by name, without a default route",
		.links = { LINK(3, "eth1") },
		.addresses = { ADDRESS(3, "192.168.1.5", 24) },
		.search.ifname = "eth1",
		.found = "eth1 192.168.1.5/24 0.0.0.0",
	},
	{
		.name = "by name, not there",
		.links = { LOOPBACK, LINK(3, "eth1") },
		.addresses = { ADDRESS(3, "192.168.1.5", 24) },
		.search.ifname = "eth",
		.result = -ENODEV,
		.message = "uplink 'eth' does not exist",
		.remedy = "  eth1: no default route",
	},
	{
		.name = "carrier just lost, and the state of the link not yet",
		.links = { STATION(2, "wlan0", .without = LOWER_UP) },
		.addresses = { ADDRESS(2, "192.168.1.5", 24) },
		.search.ifname = "wlan0",
		.result = -ENODEV,
		.message = "cannot use uplink 'wlan0': not connected to a network",
		.remedy = "connect 'wlan0' to a network, or use a network of QEMU's own: --set "
			  "network=user",
	},
	{
		.name = "by name, a port of a bridge",
		.links = { LINK(2, "eth0", .master = 3), LINK(3, "br0", .kind = "bridge") },
		.addresses = { ADDRESS(3, "192.168.1.5", 24) },
		.search.ifname = "eth0",
		.result = -ENODEV,
		.message = "cannot use uplink 'eth0': a port of bridge 'br0'",
		.remedy = "use that: --uplink=br0",
	},
	{
		.name = "by name, the loopback",
		.links = { LOOPBACK },
		.addresses = { ADDRESS(1, "10.1.1.1", 24) },
		.search.ifname = "lo",
		.result = -ENODEV,
		.message = "cannot use uplink 'lo': loopback",
		.remedy = "",
	},
	{
		.name = "by name, a VM's tap",
		.links = { LINK(2, "vmr-web") },
		.addresses = { ADDRESS(2, "10.1.1.1", 24) },
		.search.ifname = "vmr-web",
		.result = -ENODEV,
		.message = "cannot use uplink 'vmr-web': the tap of a VM",
		.remedy = "",
	},
	{
		.name = "by name, hostile",
		.links = { LOOPBACK },
		.search.ifname = "\a\033]0;x\a and much more than a name can have",
		.result = -ENODEV,
		.message = "uplink '\\x07\\x1b]0;x\\x07 and much' does not exist",
		.remedy = "there is no network interface but the loopback",
	},
};

static void fill_table(const struct uplink_case *test, struct interfaces *table)
{
	static struct interface links[MAX];
	static struct interface_address addresses[MAX];
	static struct default_route routes[MAX];

	*table = (struct interfaces){ .links = links, .addresses = addresses, .routes = routes };
	for (size_t i = 0; i < MAX && test->links[i].ifindex; i++) {
		const struct test_link *from = &test->links[i];

		links[i] = (struct interface){ .ifindex = from->ifindex,
					       .flags = (UP | from->with) & ~from->without,
					       .type = from->type ? from->type : ARPHRD_ETHER,
					       .mtu = 1400 + from->ifindex,
					       .master = from->master,
					       .mac = { { 2, 0, 0, 0, 0, (uint8_t)from->ifindex } },
					       .wireless = from->wireless,
					       .wireless_type = from->wireless_type };
		memcpy(links[i].ifname, from->ifname, strlen(from->ifname));
		if (from->kind)
			memcpy(links[i].kind, from->kind, strlen(from->kind));
		if (from->wireless)
			memcpy(links[i].ssid, "home", 4);
		table->link_count++;
	}
	for (size_t i = 0; i < MAX && test->addresses[i].ifindex; i++) {
		const struct test_address *from = &test->addresses[i];

		addresses[i] = (struct interface_address){ .ifindex = from->ifindex,
							   .prefix.length = from->length,
							   .scope = from->scope,
							   .flags = from->flags,
							   .peer = from->peer };
		assert_true(ipv4_parse(from->address, &addresses[i].prefix.address));
		table->address_count++;
	}
	for (size_t i = 0; i < MAX && test->routes[i].ifindex; i++) {
		const struct test_route *from = &test->routes[i];

		routes[i] = (struct default_route){ .ifindex = from->ifindex,
						    .metric = from->metric };
		assert_true(!from->router || ipv4_parse(from->router, &routes[i].router));
		table->route_count++;
	}
}

static void test_choose(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct uplink_case *test = &cases[i];
		struct uplink uplink, untouched;
		char found[64], prefix[IPV4_TEXT_SIZE], router[IPV4_TEXT_SIZE];
		struct error err = { 0 };
		struct interfaces table;

		print_message("%s\n", test->name);
		fill_table(test, &table);
		memset(&uplink, 0x55, sizeof(uplink));
		untouched = uplink;
		assert_int_equal(uplink_choose(&table, &test->search, &uplink, &err), test->result);
		if (test->result < 0) {
			assert_int_equal(err.status, STATUS_NETWORK);
			assert_int_equal(err.code, -test->result);
			assert_string_equal(err.message, test->message);
			assert_string_equal(err.remedy, test->remedy);
			assert_memory_equal(&uplink, &untouched, sizeof(uplink));
			continue;
		}
		snprintf(found, sizeof(found), "%.15s %s %s", uplink.ifname,
			 ipv4_prefix_text(&uplink.prefix, prefix),
			 ipv4_text(uplink.router, router));
		assert_string_equal(found, test->found);
	}
}

/* The uplink has the other properties of the interface. */
static void test_fill(void **state)
{
	static const struct uplink_case test = {
		.links = { STATION(7, "wlp3s0") },
		.addresses = { ADDRESS(7, "192.168.1.5", 24) },
		.routes = { ROUTE(7, "192.168.1.1", 600) },
	};
	static const struct ether_addr mac = { { 2, 0, 0, 0, 0, 7 } };
	struct interfaces table;
	struct uplink uplink;
	struct error err;

	fill_table(&test, &table);
	assert_int_equal(uplink_choose(&table, &(struct uplink_search){ 0 }, &uplink, &err), 0);
	assert_int_equal(uplink.ifindex, 7);
	assert_int_equal(uplink.mtu, 1407);
	assert_true(uplink.wireless);
	assert_string_equal(uplink.ssid, "home");
	assert_memory_equal(&uplink.mac, &mac, sizeof(mac));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choose),
		cmocka_unit_test(test_fill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
