// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the host's interfaces, IPv4 addresses and default routes from the kernel.
#include "netsetup/kernel/network_dump.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "netsetup/kernel/netlink.h"
#include "netsetup/kernel/route.h"

/* A host whose network changes during each of so many dumps is not settled enough for a VM. */
#define ATTEMPTS 8

#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif

static int dump_links(struct nl_sock *sock, struct interfaces *table)
{
	const struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	cleanup_nl_msg *msg = netlink_message(RTM_GETLINK, NLM_F_DUMP, &info, sizeof(info));

	if (!msg || nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0)
		return -ENOMEM;
	return nl_request(sock, msg, interfaces_add_link, table);
}

static int dump_addresses(struct nl_sock *sock, struct interfaces *table)
{
	const struct ifaddrmsg info = { .ifa_family = AF_INET };
	cleanup_nl_msg *msg = netlink_message(RTM_GETADDR, NLM_F_DUMP, &info, sizeof(info));

	return msg ? nl_request(sock, msg, interfaces_add_address, table) : -ENOMEM;
}

static int dump_routes(struct nl_sock *sock, struct interfaces *table)
{
	const struct rtmsg info = { .rtm_family = AF_INET,
				    .rtm_table = RT_TABLE_MAIN,
				    .rtm_type = RTN_UNICAST };
	cleanup_nl_msg *msg = netlink_message(RTM_GETROUTE, NLM_F_DUMP, &info, sizeof(info));
	int result = msg ? nl_request(sock, msg, interfaces_add_route, table) : -ENOMEM;

	/* A network namespace in which no route was ever made has no main table. */
	return result == -ENOENT ? 0 : result;
}

static int read_once(struct interfaces *table, struct error *err)
{
	cleanup_nl_sock *sock = NULL;
	const int on = 1;
	int result;

	result = nl_socket_open(NETLINK_ROUTE, &sock, err);
	if (result < 0)
		return result;
	/*
	 * Lets the kernel leave out other tables than the main one. One that does not know it
	 * (before 4.20) sends them all; interfaces_add_route() leaves them out again.
	 */
	(void)setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on,
			 sizeof(on));

	result = dump_links(sock, table);
	if (result < 0)
		return error_set(err, -result, "cannot list the network interfaces");
	result = dump_addresses(sock, table);
	if (result < 0)
		return error_set(err, -result, "cannot list the IPv4 addresses");
	result = dump_routes(sock, table);
	if (result < 0)
		return error_set(err, -result, "cannot list the IPv4 routes");
	result = nexthop_resolve(sock, table);
	if (result < 0)
		return error_set(err, -result, "cannot look up the next hop of a default route");
	return 0;
}

int network_dump(struct interfaces *table, struct error *err)
{
	int result = -EINTR;

	*table = (struct interfaces){ 0 };
	for (int i = 0; i < ATTEMPTS && (result == -EINTR || result == -ENOBUFS); i++) {
		interfaces_done(table);
		result = read_once(table, err);
	}
	if (result == -EINTR)
		return error_say(err, STATUS_NETWORK, EAGAIN,
				 "the host's network interfaces keep changing");
	return result;
}
