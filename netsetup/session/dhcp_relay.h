// SPDX-License-Identifier: GPL-2.0-or-later
// Relays DHCP packets between the tap and the unprivileged launcher.
#ifndef NETSETUP_SESSION_DHCP_RELAY_H
#define NETSETUP_SESSION_DHCP_RELAY_H

#include <stdbool.h>

#include "netsetup/base/error.h"
#include "netsetup/protocol/protocol.h"

/**
 * dhcp_relay_open() - open a non-blocking packet socket that receives only the guest's packets to
 * the DHCP server's port.
 * @tap: the tap's index.
 *
 * Return: the socket or a negative errno.
 */
int dhcp_relay_open(unsigned int tap, struct error *err);

/**
 * dhcp_relay_receive() - receive one packet of the guest.
 * @socket: of dhcp_relay_open().
 * @record: the packet as a record for the launcher.
 *
 * Return: 0, -EAGAIN if there is none, or another negative errno.
 */
int dhcp_relay_receive(int socket, struct dhcp_record *record);

/**
 * dhcp_relay_check() - true if a packet is one of a DHCP server to a client: complete IPv4 without
 * options, UDP from port 67 to port 68, lengths that agree (RFC 2131 section 4.1).
 * @record: from the launcher, protocol_record_check()ed.
 */
bool dhcp_relay_check(const struct dhcp_record *record);

/**
 * dhcp_relay_gives() - true if a packet offers or gives an address ('yiaddr'). A refusal does not,
 * nor an answer to a guest that has one by other means (RFC 2131 section 4.3.5).
 * @record: dhcp_relay_check()ed.
 */
bool dhcp_relay_gives(const struct dhcp_record *record);

/**
 * dhcp_relay_send() - send a packet to the guest.
 * @socket: of dhcp_relay_open().
 * @tap: the tap's index.
 * @record: dhcp_relay_check()ed.
 *
 * Return: 0 or a negative errno.
 */
int dhcp_relay_send(int socket, unsigned int tap, const struct dhcp_record *record,
		    struct error *err);

#endif
