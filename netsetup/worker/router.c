// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the router's hardware address by ARP (RFC 4436).
#include "netsetup/worker/router.h"

#include <net/if_arp.h>
#include <string.h>

#include "netsetup/base/ipv4.h"

/* Number of ARP requests to the router, and the wait for an answer, in milliseconds. */
#define ASK_COUNT   3
#define ASK_WAIT_MS 60

void router_receive(struct router *router, const struct arp *arp)
{
	if (!ipv4_unset(router->address) && ipv4_equal(arp->sender, router->address))
		router->mac = arp->sender_mac;
}

bool router_step(struct router *router, int socket, const struct ether_addr *mac, uint64_t now)
{
	static const struct ether_addr none;
	const struct arp question = { .operation = ARPOP_REQUEST,
				      .sender_mac = *mac,
				      .sender = router->host,
				      .target = router->address };
	struct error ignored;

	if (router->error || memcmp(&router->mac, &none, sizeof(none)) != 0)
		return true;
	if (now < router->deadline)
		return false;
	if (router->asked == ASK_COUNT)
		return true;
	router->error = -arp_send(socket, &question, &ignored);
	router->asked++;
	router->deadline = now + ASK_WAIT_MS;
	return router->error != 0;
}
