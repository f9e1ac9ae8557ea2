// SPDX-License-Identifier: GPL-2.0-or-later
// Puts the uplink's and the host's own addresses into the table.
#include "netsetup/table/local.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/table/layout.h"

/* Dumps that the host's network may interrupt by changing. */
#define ATTEMPTS 8

/* Octets of the headers of IPv4 and TCP without options (RFC 6691). */
#define TCP_HEADERS 40

/* The largest packet of IPv4. */
#define MTU_MAX 65535u

int local_link(struct nl_sock *route, unsigned int ifindex, struct interfaces *table)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
	cleanup_nl_msg *message = netlink_message(RTM_GETLINK, 0, &header, sizeof(header));
	int ret = -ENOMEM;

	if (message && nla_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) == 0)
		ret = netlink_request(route, message, interface_add_link, table);
	return ret == 0 && table->link_count != 1 ? -ENODEV : ret;
}

static int read_once(struct nl_sock *route, unsigned int uplink, struct interfaces *table)
{
	const struct ifaddrmsg header = { .ifa_family = AF_INET };
	cleanup_nl_msg *all = netlink_message(RTM_GETADDR, NLM_F_DUMP, &header, sizeof(header));
	int ret;

	if (!all)
		return -ENOMEM;
	ret = local_link(route, uplink, table);
	return ret < 0 ? ret : netlink_request(route, all, interface_add_address, table);
}

int local_read(struct nl_sock *route, unsigned int uplink, struct interfaces *table,
	       struct error *err)
{
	int ret = -EINTR;

	*table = (struct interfaces){ 0 };
	for (int i = 0; i < ATTEMPTS && ret == -EINTR; i++) {
		interface_table_done(table);
		ret = read_once(route, uplink, table);
	}
	return ret < 0 ? error_set_errno(err, -ret, "cannot read the host's addresses") : 0;
}

bool local_has(const struct interfaces *table, struct in_addr address)
{
	for (size_t i = 0; i < table->address_count; i++)
		if (ipv4_equal(table->addresses[i].prefix.address, address))
			return true;
	return false;
}

static void put(struct batch *batch, const struct batch_set *set, const void *key)
{
	batch_element_add(batch, set, (struct batch_element){ key, NULL });
}

/* The last address of a subnet is its broadcast address, whatever else is configured. */
static struct in_addr last_of(const struct interface_address *address)
{
	return address->prefix.length < 31 ? ipv4_prefix_broadcast(&address->prefix)
					   : address->broadcast;
}

static bool is_broadcast_of(const struct interfaces *table, unsigned int uplink,
			    struct in_addr broadcast)
{
	for (size_t i = 0; i < table->address_count; i++) {
		const struct interface_address *address = &table->addresses[i];

		if (address->ifindex == uplink && (ipv4_equal(address->broadcast, broadcast) ||
						   ipv4_equal(last_of(address), broadcast)))
			return true;
	}
	return false;
}

/* An address of the uplink's broadcasts goes to bcast4, one of another network to foreign4. */
static void put_broadcast(struct batch *batch, const struct interfaces *table,
			  struct in_addr broadcast)
{
	const bool known = is_broadcast_of(table, table->links[0].ifindex, broadcast);

	if (!ipv4_unset(broadcast) && broadcast.s_addr != htonl(INADDR_BROADCAST))
		put(batch, known ? &layout_bcast4 : &layout_foreign4, &broadcast);
}

static void put_addresses(struct batch *batch, const struct interfaces *table)
{
	static const struct in_addr limited = { INADDR_BROADCAST };

	batch_set_flush(batch, &layout_host4);
	batch_set_flush(batch, &layout_bcast4);
	batch_set_flush(batch, &layout_foreign4);
	put(batch, &layout_bcast4, &limited);
	for (size_t i = 0; i < table->address_count; i++) {
		const struct interface_address *address = &table->addresses[i];

		put(batch, &layout_host4, &address->prefix.address);
		put_broadcast(batch, table, last_of(address));
		put_broadcast(batch, table, address->broadcast);
	}
}

void local_put(struct batch *batch, const struct interfaces *table)
{
	static const uint32_t one = LAYOUT_THE_ONE;
	const struct interface *uplink = &table->links[0];
	const unsigned int mtu = uplink->mtu < MTU_MAX ? uplink->mtu : MTU_MAX;
	const uint16_t mss = htons((uint16_t)(mtu > TCP_HEADERS ? mtu - TCP_HEADERS : 1));

	batch_set_flush(batch, &layout_mac);
	batch_element_add(batch, &layout_mac, (struct batch_element){ &one, &uplink->mac });
	batch_set_flush(batch, &layout_mss);
	batch_element_add(batch, &layout_mss, (struct batch_element){ &one, &mss });
	batch_set_flush(batch, &layout_self);
	put(batch, &layout_self, &uplink->mac);
	put_addresses(batch, table);
}
