// SPDX-License-Identifier: GPL-2.0-or-later
// Listens for changes of the host's network.
#include "netsetup/kernel/netlink_events.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

int netlink_events_open(struct nl_sock **events, struct error *err)
{
	int ret;

	ret = netlink_open(NETLINK_ROUTE, events, err);
	if (ret < 0)
		return ret;
	ret = nl_socket_add_memberships(*events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
					RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_NETCONF, RTNLGRP_NONE);
	return ret < 0 ? netlink_error(err, ret, "cannot listen for changes of the network") : 0;
}

bool netlink_events_drain(struct nl_sock *events)
{
	bool any = false;
	char byte;

	for (;;) {
		/* One byte of each event; the kernel drops the rest of a datagram. */
		ssize_t size = recv(nl_socket_get_fd(events), &byte, sizeof(byte), MSG_DONTWAIT);

		if (size >= 0 || errno == ENOBUFS)
			any = true;
		else if (errno != EINTR)
			return any;
	}
}
