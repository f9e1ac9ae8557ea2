// SPDX-License-Identifier: GPL-2.0-or-later
// IPv4 addresses and prefixes: text, masks, and which addresses of a subnet a host may have.
#ifndef NETSETUP_BASE_IPV4_H
#define NETSETUP_BASE_IPV4_H

#include <netinet/in.h>
#include <stdbool.h>

/**
 * struct prefix - an address and the length of its network prefix.
 * @address: in network byte order; may have host bits.
 * @length: 0..32 bits.
 */
struct prefix {
	struct in_addr address;
	unsigned int length;
};

/* Enough for an address ("255.255.255.255") or a prefix ("255.255.255.255/32") with its NUL. */
#define IPV4_TEXT_SIZE 19

/**
 * ipv4_parse() - read a dotted quad, nothing before or after it (no octal, no short forms).
 * @text: the text.
 * @address: the address; untouched on failure.
 *
 * Return: true when it was one.
 */
bool ipv4_parse(const char *text, struct in_addr *address);

/**
 * ipv4_text() - write an address.
 * @address: the address.
 * @text: room for the text.
 *
 * Return: text.
 */
const char *ipv4_text(struct in_addr address, char text[IPV4_TEXT_SIZE]);

/* ipv4_prefix_text() - write a prefix as "192.168.1.10/24"; returns text. */
const char *ipv4_prefix_text(const struct prefix *prefix, char text[IPV4_TEXT_SIZE]);

/* ipv4_mask() - the netmask of a prefix length, 0..32, in network byte order. */
struct in_addr ipv4_mask(unsigned int length);

/* ipv4_unset() - whether an address is 0.0.0.0, which stands for "none" and "auto" here. */
static inline bool ipv4_unset(struct in_addr address)
{
	return address.s_addr == INADDR_ANY;
}

static inline bool ipv4_equal(struct in_addr a, struct in_addr b)
{
	return a.s_addr == b.s_addr;
}

/**
 * ipv4_unicast() - whether a host can have the address: not 0/8, 127/8, multicast, class E or
 * broadcast (RFC 1122 section 3.2.1.3).
 * @address: the address.
 */
bool ipv4_unicast(struct in_addr address);

/* ipv4_prefix_network(), ipv4_prefix_broadcast() - the first and the last address of the subnet. */
struct in_addr ipv4_prefix_network(const struct prefix *prefix);
struct in_addr ipv4_prefix_broadcast(const struct prefix *prefix);

/* ipv4_prefix_contains() - whether the address lies in the subnet. */
bool ipv4_prefix_contains(const struct prefix *prefix, struct in_addr address);

/**
 * ipv4_prefix_host() - whether the address is one that a host of this subnet may have: inside, neither
 * the network nor the broadcast address (a /31 and a /32 have none to give).
 */
bool ipv4_prefix_host(const struct prefix *prefix, struct in_addr address);

#endif
