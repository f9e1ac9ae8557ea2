// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's word that something about the host's network has changed.
#ifndef NETSETUP_KERNEL_NETLINK_EVENTS_H
#define NETSETUP_KERNEL_NETLINK_EVENTS_H

#include <stdbool.h>

#include "netsetup/base/error.h"
#include "netsetup/kernel/netlink.h"

/**
 * netlink_events_open() - listen for changes of links, IPv4 addresses, routes and their sysctls
 * (forwarding, rp_filter, proxy_arp: RTNLGRP_IPV4_NETCONF).
 * @events: the socket, non-blocking.
 * @err: the error.
 *
 * No event is parsed: each only says that the host is to be looked at again. So none can be
 * misunderstood, and one that is lost, because the socket's buffer overran, does no harm as long as
 * another is told.
 *
 * Return: 0 or a negative errno.
 */
int netlink_events_open(struct nl_sock **events, struct error *err);

/**
 * netlink_events_drain() - take all events that are there.
 * @events: the socket.
 *
 * Return: whether there was any; an overrun (ENOBUFS) counts as one.
 */
bool netlink_events_drain(struct nl_sock *events);

#endif
