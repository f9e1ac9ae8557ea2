// SPDX-License-Identifier: GPL-2.0-or-later
// Listens for changes of the host's network.
#ifndef LAUNCHER_LAN_NETWORK_EVENTS_H
#define LAUNCHER_LAN_NETWORK_EVENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "netsetup/base/error.h"
#include "netsetup/kernel/netlink.h"

/**
 * network_events_open() - listen for changes of links, IPv4 addresses, routes and their sysctls
 * (forwarding, rp_filter, proxy_arp: RTNLGRP_IPV4_NETCONF).
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
 * network_events_drain() - receive all events that are there, without waiting.
 * @own: @count indices of the VM's interfaces.
 *
 * After an event the caller must query the host: only the interface is read of it. An event that
 * cannot be read counts as NETWORK_EVENT_OWN, as does an overrun of the socket's buffer (ENOBUFS).
 *
 * Return: the most important event.
 */
enum network_event network_events_drain(struct nl_sock *events, const unsigned int *own,
					size_t count);

/**
 * network_events_ifindex() - read the interface of an event.
 * @header: nlmsg_ok().
 *
 * Return: its index; 0 if the event has none; -1 if it concerns all of them or is malformed.
 */
int network_events_ifindex(struct nlmsghdr *header);

#endif
