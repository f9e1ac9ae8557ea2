// SPDX-License-Identifier: GPL-2.0-or-later
// A DHCP server for one client, the guest: what it is told, and when (RFC 2131).
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
 * Theory of operation: the server has one address to give and one client to give it to, so it keeps
 * no table of leases. The answer to a packet follows from the configuration and the packet alone,
 * and a server that was started anew answers as its predecessor did. It alone serves the guest's
 * side of the tap: whoever asks for another address than the guest's is told that it is wrong.
 * Leases are short, so that what changes (an uplink that roams) reaches the guest in minutes even
 * if nothing else tells it.
 */

/* A lease's length, unless the caller knows better: half of it is the longest wait for news. */
#define DHCP_LEASE_SECONDS 300
#define DHCP_LEASE_MIN     4

/**
 * struct dhcp_config - what the guest is told.
 * @mac: the guest's; nobody else is served.
 * @address: the guest's; 0.0.0.0: nobody is served.
 * @prefix_length: 1..32; 0: nobody is served.
 * @gateway: 0.0.0.0 for none.
 * @host: the host's own address on the uplink, by which the server is known; 0.0.0.0: nobody is
 *        served.
 * @dns, @dns_count: servers.
 * @mtu: in bytes; 0: the guest is not told.
 * @hostname: the guest's, or empty.
 * @search, @search_count: dns_domain_valid() names; the first is the guest's own domain.
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
};

/* By how many former addresses the server is still known: a guest may ask it by one. */
#define DHCP_FORMER_MAX 4

/**
 * struct dhcp_server - the server.
 * @config: what the guest is told now.
 * @former: addresses that the server had before, the latest first, then 0.0.0.0.
 * @told: the one of the last offer or lease; 0.0.0.0: there was none.
 * @declined: the address that the guest last found to be used, which has been told.
 * @stranger_seen: another client than the guest has asked, and that has been told.
 */
struct dhcp_server {
	struct dhcp_config config;
	struct in_addr former[DHCP_FORMER_MAX];
	struct in_addr told;
	struct in_addr declined;
	bool stranger_seen;
};

enum dhcp_event_type {
	DHCP_EVENT_NONE,
	DHCP_EVENT_OFFERED,
	DHCP_EVENT_BOUND,    /* the guest has the address now */
	DHCP_EVENT_EXTENDED, /* it had it before, and keeps it */
	DHCP_EVENT_REFUSED,  /* it asked for another, @address, and is told to begin anew */
	DHCP_EVENT_DECLINED, /* it found that another machine uses @address */
	DHCP_EVENT_RELEASED, /* it gave the address back */
	DHCP_EVENT_INFORMED, /* it has an address, @address, and asked for all else */
	DHCP_EVENT_STRANGER, /* not the guest: @mac asks, from behind it; told once */
};

/**
 * struct dhcp_event - what a packet meant, for who runs the VM.
 * @type: what.
 * @address: the address that it is about.
 * @mac: of who sent it.
 */
struct dhcp_event {
	enum dhcp_event_type type;
	struct in_addr address;
	struct ether_addr mac;
};

/**
 * dhcp_server_init() - a server that has never told anything.
 * @server: the server.
 * @config: what the guest is told.
 */
void dhcp_server_init(struct dhcp_server *server, const struct dhcp_config *config);

/**
 * dhcp_server_configure() - tell the guest something else from now on. When it asks for its former
 * address the next time, it is refused, and asks anew.
 * @server: the server.
 * @config: what the guest is told.
 */
void dhcp_server_configure(struct dhcp_server *server, const struct dhcp_config *config);

/**
 * dhcp_server_answer() - what to answer a packet.
 * @server: the server.
 * @query: any bytes, as they came from netsetup.
 * @reply: the answer, ready for netsetup; untouched when there is none.
 * @event: what it meant; always set.
 *
 * Return: 1 with an answer, 0 when there is none to give, or -EBADMSG when it is not a well-formed
 * DHCP packet.
 */
int dhcp_server_answer(struct dhcp_server *server, const struct dhcp_record *query,
		       struct dhcp_record *reply, struct dhcp_event *event);

#endif
