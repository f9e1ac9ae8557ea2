// SPDX-License-Identifier: GPL-2.0-or-later
// Relays DHCP packets between the tap and the unprivileged launcher.
#ifndef NETSETUP_WORKER_DHCP_RELAY_H
#define NETSETUP_WORKER_DHCP_RELAY_H

#include <net/ethernet.h>
#include <stdbool.h>

#include "netsetup/protocol/protocol.h"

/**
 * struct dhcp_relay - the relay of one VM.
 * @tap: of dhcp_socket_open(), owned; -1: there is no relay.
 * @client: DHCP socket, whose other end the launcher has, owned.
 * @mac: hardware address of the tap.
 */
struct dhcp_relay {
	int tap;
	int client;
	struct ether_addr mac;
};

/* dhcp_relay_close() - end the relay. */
void dhcp_relay_close(struct dhcp_relay *relay);

/**
 * dhcp_relay_from_guest() - relay some of the guest's packets to the launcher, which loses packets
 * if it does not read, as on a network.
 */
void dhcp_relay_from_guest(struct dhcp_relay *relay);

/**
 * dhcp_relay_from_client() - relay some of the launcher's packets to the guest. A hostile launcher
 * can send its own guest DHCP answers and nothing else (dhcp_relay_check(); test_dhcp_relay.c): any
 * other record closes the relay, and so does its end-of-file.
 */
void dhcp_relay_from_client(struct dhcp_relay *relay);

/**
 * dhcp_relay_check() - true if a packet is one of a DHCP server to a client: complete IPv4 without
 * options, UDP from port 67 to port 68, lengths that agree (RFC 2131 section 4.1).
 * @record: from the launcher, protocol_record_check()ed.
 */
bool dhcp_relay_check(const struct dhcp_record *record);

#endif
