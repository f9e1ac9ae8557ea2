// SPDX-License-Identifier: GPL-2.0-or-later
// Listens for changes of the host's network.
#ifndef LAUNCHER_LAN_NETWORK_EVENTS_H
#define LAUNCHER_LAN_NETWORK_EVENTS_H

#include <netinet/in.h>

#include "netsetup/base/error.h"
#include "netsetup/kernel/netlink.h"

/**
 * network_events_open() - listen for changes of links, IPv4 addresses, routes, policy rules and
 * their sysctls (forwarding, rp_filter, proxy_arp: RTNLGRP_IPV4_NETCONF).
 * @events: owned by the caller.
 *
 * Return: 0 or a negative errno.
 */
int network_events_open(struct nl_sock **events, struct error *err);

enum network_event {
	NETWORK_EVENT_NONE,
	NETWORK_EVENT_OTHER, /* of other interfaces only: another one may be the best uplink now */
	NETWORK_EVENT_OWN,   /* of an interface of the VM */
};

/**
 * struct network_own - a VM's parts of the host.
 * @ifindexes: of its uplink and its tap.
 */
struct network_own {
	unsigned int ifindexes[2];
};

/**
 * network_events_drain() - receive all events that are there, without waiting.
 *
 * After an event the caller must query the host: only the interface is read of it. An event that
 * cannot be read counts as NETWORK_EVENT_OWN, as does an overrun of the socket's buffer (ENOBUFS).
 *
 * Return: the most important event.
 */
enum network_event network_events_drain(struct nl_sock *events, const struct network_own *own);

/**
 * network_events_classify() - tell what an event concerns. Rules and routes that vmrun-netsetup has
 * made for VMs are no news; those that were deleted are for the VM that had them, or for all. Each
 * other rule may take packets of all VMs.
 * @header: nlmsg_ok().
 */
enum network_event network_events_classify(struct nlmsghdr *header, const struct network_own *own);

#endif
