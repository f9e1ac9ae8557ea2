// SPDX-License-Identifier: GPL-2.0-or-later
// Serves DHCP to one client, the guest (RFC 2131).
#ifndef LAUNCHER_LAN_DHCP_SERVER_H
#define LAUNCHER_LAN_DHCP_SERVER_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "launcher/lan/dhcp_packet.h"
#include "launcher/lan/dns.h"
#include "netsetup/base/ifname.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/protocol/protocol.h"

/*
 * Theory of operation: the server has one address and one client, so it keeps no table of leases.
 * The client is the guest's card. But a guest may choose another MAC address (a cloned MAC of
 * NetworkManager, a bridge): then the first client that asks is the guest, until its lease is over.
 * The card's own MAC address takes its place at any time. Beside that, the configuration and the
 * packet alone determine the reply. It is the only server on the guest's side of the tap, and it
 * refuses requests for all other addresses. Leases are short: a guest that misses the link's change
 * learns of a new uplink within minutes.
 */

/* The usual length of a lease: a client renews after half of it at the latest. */
#define DHCP_LEASE_SECONDS 300
#define DHCP_LEASE_MIN     4

/**
 * struct dhcp_config - the guest's configuration. With @address, @prefix_length or @host 0, no
 * client is served.
 * @mac: of the guest's card.
 * @now: time of the packet, in seconds of a clock that never goes back.
 * @address: the guest's.
 * @prefix_length: 1..32.
 * @gateway: 0.0.0.0 for none.
 * @host: the host's own address on the uplink, the server's identifier.
 * @dns, @dns_count: servers.
 * @mtu: in bytes; 0 sends none.
 * @hostname: the guest's, or empty.
 * @search, @search_count: scalar_domain() names; the first is the guest's own domain.
 * @lease: seconds, DHCP_LEASE_MIN or more.
 */
struct dhcp_config {
	struct ether_addr mac;
	struct in_addr address;
	unsigned int prefix_length;
	struct in_addr gateway;
	struct in_addr host;
	struct in_addr dns[DNS_MAX];
	unsigned int dns_count;
	unsigned int mtu;
	char hostname[VM_NAME_SIZE];
	char search[DNS_SEARCH_MAX][DNS_NAME_SIZE];
	unsigned int search_count;
	uint32_t lease;
	uint64_t now;
};

/* Former addresses of the server that it still answers to: a guest may send to one. */
#define DHCP_FORMER_MAX 4

/**
 * struct dhcp_server - the server.
 * @former: the server's former addresses, the latest first; unused ones are 0.0.0.0.
 * @last_host: the server's address in the last offer or lease; 0.0.0.0 if there was none.
 * @declined: the last address that the guest declined; reported once.
 * @other_seen: true if another client than the guest was seen; reported once.
 * @client: MAC address of the client that has the lease; zero if there is none.
 * @client_until: end of that lease, as dhcp_config.now.
 */
struct dhcp_server {
	struct dhcp_config config;
	struct in_addr former[DHCP_FORMER_MAX];
	struct in_addr last_host;
	struct in_addr declined;
	bool other_seen;
	struct ether_addr client;
	uint64_t client_until;
};

enum dhcp_event_type {
	DHCP_EVENT_NONE,
	DHCP_EVENT_OFFERED,
	DHCP_EVENT_BOUND,    /* the guest has the address now */
	DHCP_EVENT_EXTENDED, /* the guest has extended its lease */
	DHCP_EVENT_REFUSED,  /* the guest requested @address, not its own: a NAK */
	DHCP_EVENT_DECLINED, /* the guest found that another machine uses @address */
	DHCP_EVENT_RELEASED, /* the guest has released the address */
	DHCP_EVENT_INFORMED, /* the guest has @address by other means and requested the options */
	DHCP_EVENT_STRANGER, /* another client, @mac, sends from behind the guest; reported once */
};

/**
 * struct dhcp_event - the effect of a packet, for the user.
 * @address: see @type; else 0.0.0.0.
 * @mac: the sender's.
 * @adopted: true if the guest's client has another MAC address from this packet on.
 */
struct dhcp_event {
	enum dhcp_event_type type;
	struct in_addr address;
	struct ether_addr mac;
	bool adopted;
};

/**
 * dhcp_server_init() - initialise a server without a history.
 */
void dhcp_server_init(struct dhcp_server *server, const struct dhcp_config *config);

/**
 * dhcp_server_configure() - change the guest's configuration. The next request for a former address
 * is refused, and the guest starts anew.
 */
void dhcp_server_configure(struct dhcp_server *server, const struct dhcp_config *config);

/**
 * dhcp_server_answer() - make the reply to a packet.
 * @query: any bytes, as received from netsetup.
 * @reply: ready to be sent by netsetup; untouched if there is none.
 * @event: always set.
 *
 * Return: 1 with a reply, 0 without one, or -EBADMSG if it is not a well-formed DHCP packet.
 */
int dhcp_server_answer(struct dhcp_server *server, const struct dhcp_record *query,
		       struct dhcp_record *reply, struct dhcp_event *event);

#endif
