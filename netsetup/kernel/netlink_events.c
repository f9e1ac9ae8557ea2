// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's word that something about the host's network has changed.
#include "netsetup/kernel/netlink_events.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

int netlink_events_open(struct nl_sock **events, struct error *err)
{
	int rc;

	rc = nl_socket_open(NETLINK_ROUTE, events, err);
	if (rc < 0)
		return rc;
	rc = nl_socket_add_memberships(*events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
				       RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_NETCONF, RTNLGRP_NONE);
	return rc < 0 ? nl_error(err, rc, "cannot listen for changes of the network") : 0;
}

bool netlink_events_drain(struct nl_sock *events)
{
	bool any = false;
	char byte;

	for (;;) {
		/* One byte of each: a datagram's rest is dropped by the kernel. */
		ssize_t size = recv(nl_socket_get_fd(events), &byte, sizeof(byte), MSG_DONTWAIT);

		if (size >= 0 || errno == ENOBUFS)
			any = true;
		else if (errno != EINTR)
			return any;
	}
}
