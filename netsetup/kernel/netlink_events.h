// SPDX-License-Identifier: GPL-2.0-or-later
// Listens for changes of the host's network.
#ifndef NETSETUP_KERNEL_NETLINK_EVENTS_H
#define NETSETUP_KERNEL_NETLINK_EVENTS_H

#include <stdbool.h>

#include "netsetup/base/error.h"
#include "netsetup/kernel/netlink.h"

/**
 * netlink_events_open() - listen for changes of links, IPv4 addresses, routes and their sysctls
 * (forwarding, rp_filter, proxy_arp: RTNLGRP_IPV4_NETCONF).
 * @events: owned by the caller.
 *
 * No event is parsed: after any event the caller must query the host again. A hostile or unknown
 * event cannot mislead it, and an overrun of the socket's buffer loses events without harm, because
 * it counts as an event itself.
 *
 * Return: 0 or a negative errno.
 */
int netlink_events_open(struct nl_sock **events, struct error *err);

/**
 * netlink_events_drain() - receive all events that are there, without waiting.
 *
 * Return: true if there was any; an overrun (ENOBUFS) counts as one.
 */
bool netlink_events_drain(struct nl_sock *events);

#endif
