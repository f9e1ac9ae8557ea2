// SPDX-License-Identifier: GPL-2.0-or-later
// Identifies the network in which an address was proven free.
#include "netsetup/session/network.h"

#include <errno.h>
#include <net/if_arp.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "netsetup/base/clock.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/kernel/query.h"

/* Number of ARP requests to the router, and the wait for an answer, in milliseconds. */
#define ASK_COUNT   3
#define ASK_WAIT_MS 60

/* Larger than the number of packets in a packet socket's buffer. */
#define DRAIN_MAX 1024

static bool mac_known(const struct ether_addr *mac)
{
	static const struct ether_addr none;

	return memcmp(mac, &none, sizeof(none)) != 0;
}

void network_note(struct network *network, const struct uplink *uplink, struct nl_sock *route)
{
	if (!network_same(network, uplink))
		*network = (struct network){ 0 };
	network->prefix = uplink->prefix;
	if (!ipv4_unset(uplink->router))
		network->router = uplink->router;
	if (uplink->ssid[0])
		memcpy(network->ssid, uplink->ssid, sizeof(network->ssid));
	if (!ipv4_unset(network->router))
		query_neighbour(route, network->router, uplink->ifindex, &network->router_mac);
}

bool network_same(const struct network *network, const struct uplink *uplink)
{
	if (network->prefix.length != uplink->prefix.length ||
	    !ipv4_equal(ipv4_prefix_network(&network->prefix),
			ipv4_prefix_network(&uplink->prefix)))
		return false;
	if (!ipv4_unset(network->router) && !ipv4_unset(uplink->router) &&
	    !ipv4_equal(network->router, uplink->router))
		return false;
	return !network->ssid[0] || !uplink->ssid[0] || !strcmp(network->ssid, uplink->ssid);
}

/* Waits for a packet of the router; returns true if one came. */
static bool receive_router(int socket, struct in_addr router, struct ether_addr *mac)
{
	const uint64_t deadline = monotonic_ms() + ASK_WAIT_MS;
	struct pollfd poller = { .fd = socket, .events = POLLIN };

	for (uint64_t now = monotonic_ms(); now < deadline; now = monotonic_ms()) {
		struct arp arp;
		int ret = arp_receive(socket, &arp);

		if (ret == 0 && ipv4_equal(arp.sender, router)) {
			*mac = arp.sender_mac;
			return true;
		}
		if (ret < 0 && (ret != -EAGAIN || poll(&poller, 1, (int)(deadline - now)) < 0))
			return false;
	}
	return false;
}

bool network_confirm(const struct network *network, const struct uplink *uplink, int socket)
{
	const struct arp question = { .operation = ARPOP_REQUEST,
				      .sender_mac = uplink->mac,
				      .sender = uplink->prefix.address,
				      .target = network->router };
	struct ether_addr mac;
	struct error ignored;
	struct arp old;

	if (!mac_known(&network->router_mac))
		return true;
	if (arp_listen(socket, network->router, &ignored) < 0)
		return false;
	/* Packets from before the link was lost are not of this network. */
	for (int i = 0; i < DRAIN_MAX && arp_receive(socket, &old) == 0; i++)
		continue;
	for (int i = 0; i < ASK_COUNT; i++) {
		if (arp_send(socket, uplink->ifindex, &question, &ignored) < 0)
			return false;
		if (receive_router(socket, network->router, &mac))
			return !memcmp(&mac, &network->router_mac, sizeof(mac));
	}
	return false;
}
