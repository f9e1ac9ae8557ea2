// SPDX-License-Identifier: GPL-2.0-or-later
// Reads DHCP queries and writes replies, from the IPv4 header on.
#ifndef LAUNCHER_LAN_DHCP_PACKET_H
#define LAUNCHER_LAN_DHCP_PACKET_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/protocol/protocol.h"

#define DHCP_SERVER_PORT 67 /* RFC 2131 section 4.1 */
#define DHCP_CLIENT_PORT 68

/* Octets of an option's longest value (RFC 2132 section 2). */
#define DHCP_VALUE_MAX 255

/* Octets of an IPv4 packet that every client must be able to receive (RFC 2131 section 2). */
#define DHCP_PACKET_MIN 576

/* RFC 2132 section 9.6; the numbers are those on the wire. */
enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER,
	DHCP_REQUEST,
	DHCP_DECLINE,
	DHCP_ACK,
	DHCP_NAK,
	DHCP_RELEASE,
	DHCP_INFORM,
};

/* RFC 2132, unless another is named. */
enum dhcp_option {
	DHCP_OPTION_PAD = 0,
	DHCP_OPTION_MASK = 1,
	DHCP_OPTION_ROUTER = 3,
	DHCP_OPTION_DNS = 6,
	DHCP_OPTION_HOSTNAME = 12,
	DHCP_OPTION_DOMAIN = 15,
	DHCP_OPTION_MTU = 26,
	DHCP_OPTION_BROADCAST = 28,
	DHCP_OPTION_REQUESTED = 50,
	DHCP_OPTION_LEASE = 51,
	DHCP_OPTION_OVERLOAD = 52,
	DHCP_OPTION_TYPE = 53,
	DHCP_OPTION_SERVER = 54,
	DHCP_OPTION_PARAMETERS = 55,
	DHCP_OPTION_MESSAGE = 56,
	DHCP_OPTION_SIZE_MAX = 57,
	DHCP_OPTION_T1 = 58,
	DHCP_OPTION_T2 = 59,
	DHCP_OPTION_CLIENT_ID = 61,
	DHCP_OPTION_RAPID_COMMIT = 80,      /* RFC 4039 */
	DHCP_OPTION_SEARCH = 119,           /* RFC 3397 */
	DHCP_OPTION_ROUTES = 121,           /* RFC 3442 */
	DHCP_OPTION_ROUTES_MICROSOFT = 249, /* the code of option 121 before the RFC */
	DHCP_OPTION_END = 255,
};

/**
 * struct dhcp_query - a client's packet. Absent addresses are 0.0.0.0.
 * @type: enum dhcp_type, any value but 0.
 * @xid: transaction, as on the wire.
 * @flags: as on the wire.
 * @broadcast: true if the client cannot yet receive unicast.
 * @source, @destination: of the IPv4 packet.
 * @ciaddr: the address that the client has.
 * @giaddr: of a relay agent.
 * @ethernet: true if hardware type and address length are Ethernet's.
 * @chaddr: the client's hardware address, if @ethernet.
 * @requested: option 50.
 * @server: option 54.
 * @rapid_commit: option 80.
 * @size_max: option 57, octets of the largest IPv4 packet that the client accepts; at least
 *            DHCP_PACKET_MIN.
 * @parameters, @parameter_count: option 55, codes of the requested options, in the client's order.
 * @client_id, @client_id_size: option 61; size 0 if absent.
 */
struct dhcp_query {
	uint8_t type;
	uint32_t xid;
	uint16_t flags;
	bool broadcast;
	struct in_addr source;
	struct in_addr destination;
	struct in_addr ciaddr;
	struct in_addr giaddr;
	bool ethernet;
	struct ether_addr chaddr;
	struct in_addr requested;
	struct in_addr server;
	bool rapid_commit;
	unsigned int size_max;
	uint8_t parameters[DHCP_VALUE_MAX];
	unsigned int parameter_count;
	uint8_t client_id[DHCP_VALUE_MAX];
	unsigned int client_id_size;
};

/**
 * dhcp_packet_parse() - read a client's packet, which may be any bytes.
 *
 * Checks the IPv4 and UDP headers with their checksums (a UDP checksum of 0 is none, RFC 768; an
 * unfinished one is not checked), that the packet is complete and a BOOTP request, and the form of
 * each option. With option 52 the options continue in 'file' and 'sname' (RFC 2131 section 4.1).
 * Parts of one option are joined (RFC 3396). The last option need not be 'end'.
 * @record: as received from netsetup.
 * @query: untouched on failure.
 *
 * Return: 0, or -EBADMSG if it is not a well-formed DHCP packet to a server.
 */
int dhcp_packet_parse(const struct dhcp_record *record, struct dhcp_query *query);

/**
 * struct dhcp_packet - an unfinished reply.
 * @record: holds the octets.
 * @used: octets so far.
 * @limit: maximum of octets.
 */
struct dhcp_packet {
	struct dhcp_record *record;
	size_t used;
	size_t limit;
};

/**
 * dhcp_packet_begin() - begin a BOOTP reply with option 53.
 * @record: receives the octets; must live until dhcp_packet_finish().
 * @type: of the reply.
 * @limit: maximum size of the IPv4 packet in octets, DHCP_PACKET_MIN..DHCP_PACKET_MAX.
 */
void dhcp_packet_begin(struct dhcp_packet *packet, struct dhcp_record *record,
		       const struct dhcp_query *query, enum dhcp_type type, size_t limit);

/* dhcp_packet_fits() - true if an option with a value of @size octets can still be added. */
bool dhcp_packet_fits(const struct dhcp_packet *packet, size_t size);

/**
 * dhcp_packet_add() - add an option if it fits.
 * @size: octets of the value, 0..DHCP_VALUE_MAX.
 *
 * Return: true if it was added.
 */
bool dhcp_packet_add(struct dhcp_packet *packet, uint8_t code, const void *value, size_t size);

/* dhcp_packet_add_address(), dhcp_packet_add_u32() - the same for four octets. */
bool dhcp_packet_add_address(struct dhcp_packet *packet, uint8_t code, struct in_addr address);
bool dhcp_packet_add_u32(struct dhcp_packet *packet, uint8_t code, uint32_t value);

/**
 * struct dhcp_addresses - the addresses of a reply.
 * @ciaddr, @yiaddr: the client's own and "your" address, for the BOOTP header.
 * @source, @destination: of the IPv4 packet.
 * @mac: the frame's destination.
 */
struct dhcp_addresses {
	struct in_addr ciaddr;
	struct in_addr yiaddr;
	struct in_addr source;
	struct in_addr destination;
	struct ether_addr mac;
};

/**
 * dhcp_packet_finish() - write the end, the addresses and the checksums; then the record may be
 * sent.
 */
void dhcp_packet_finish(struct dhcp_packet *packet, const struct dhcp_addresses *addresses);

#endif
