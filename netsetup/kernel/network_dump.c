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

/* Dumps that the host's network may interrupt by changing; then it is too unstable for a VM. */
#define ATTEMPTS 8

static int dump_links(struct nl_sock *sock, struct interfaces *table)
{
	const struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	cleanup_nl_msg *msg = netlink_message(RTM_GETLINK, NLM_F_DUMP, &info, sizeof(info));

	if (!msg || nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0)
		return -ENOMEM;
	return netlink_request(sock, msg, interface_add_link, table);
}

static int dump_addresses(struct nl_sock *sock, struct interfaces *table)
{
	const struct ifaddrmsg info = { .ifa_family = AF_INET };
	cleanup_nl_msg *msg = netlink_message(RTM_GETADDR, NLM_F_DUMP, &info, sizeof(info));

	return msg ? netlink_request(sock, msg, interface_add_address, table) : -ENOMEM;
}

static int dump_routes(struct nl_sock *sock, struct interfaces *table)
{
	const struct rtmsg info = { .rtm_family = AF_INET,
				    .rtm_table = RT_TABLE_MAIN,
				    .rtm_type = RTN_UNICAST };
	cleanup_nl_msg *msg = netlink_message(RTM_GETROUTE, NLM_F_DUMP, &info, sizeof(info));
	int ret = msg ? netlink_request(sock, msg, route_add, table) : -ENOMEM;

	/* A network namespace has no main table before its first route. */
	return ret == -ENOENT ? 0 : ret;
}

static int read_once(struct interfaces *table, struct error *err)
{
	cleanup_nl_sock *sock = NULL;
	int ret;

	ret = netlink_open(NETLINK_ROUTE, &sock, err);
	if (ret < 0)
		return ret;
	ret = dump_links(sock, table);
	if (ret < 0)
		return error_set_errno(err, -ret, "cannot list the network interfaces");
	ret = dump_addresses(sock, table);
	if (ret < 0)
		return error_set_errno(err, -ret, "cannot list the IPv4 addresses");
	ret = dump_routes(sock, table);
	if (ret < 0)
		return error_set_errno(err, -ret, "cannot list the IPv4 routes");
	ret = route_resolve(sock, table);
	if (ret < 0)
		return error_set_errno(err, -ret, "cannot look up the next hop of a default route");
	return 0;
}

int network_dump(struct interfaces *table, struct error *err)
{
	int ret = -EINTR;

	*table = (struct interfaces){ 0 };
	for (int i = 0; i < ATTEMPTS && (ret == -EINTR || ret == -ENOBUFS); i++) {
		interface_table_done(table);
		ret = read_once(table, err);
	}
	if (ret == -EINTR)
		return error_setf(err, STATUS_NETWORK, EAGAIN,
				  "the host's network interfaces keep changing");
	return ret;
}
