// SPDX-License-Identifier: GPL-2.0-or-later
// Converts and compares IPv4 addresses and prefixes.
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
 * ipv4_parse() - read a dotted quad; octal numbers, short forms and other characters are refused.
 * @address: untouched on failure.
 *
 * Return: true if the text is an address.
 */
bool ipv4_parse(const char *text, struct in_addr *address);

/* ipv4_text() - write an address; returns text. */
const char *ipv4_text(struct in_addr address, char text[IPV4_TEXT_SIZE]);

/* ipv4_prefix_text() - write a prefix as "192.168.1.10/24"; returns text. */
const char *ipv4_prefix_text(const struct prefix *prefix, char text[IPV4_TEXT_SIZE]);

/* ipv4_mask() - return the netmask of a prefix length, 0..32, in network byte order. */
struct in_addr ipv4_mask(unsigned int length);

/* ipv4_unset() - true if an address is 0.0.0.0, which means "none" or "auto" here. */
static inline bool ipv4_unset(struct in_addr address)
{
	return address.s_addr == INADDR_ANY;
}

static inline bool ipv4_equal(struct in_addr a, struct in_addr b)
{
	return a.s_addr == b.s_addr;
}

/**
 * ipv4_unicast() - true if a host can have the address: not 0/8, 127/8, multicast, class E or
 * broadcast (RFC 1122 section 3.2.1.3).
 */
bool ipv4_unicast(struct in_addr address);

/* ipv4_link_local() - true for an address of 169.254.0.0/16 (RFC 3927). */
bool ipv4_link_local(struct in_addr address);

/* ipv4_prefix_network(), ipv4_prefix_broadcast() - return the subnet's first and last address. */
struct in_addr ipv4_prefix_network(const struct prefix *prefix);
struct in_addr ipv4_prefix_broadcast(const struct prefix *prefix);

/* ipv4_prefix_contains() - true if the address is in the subnet. */
bool ipv4_prefix_contains(const struct prefix *prefix, struct in_addr address);

/**
 * ipv4_prefix_host() - true if a host of this subnet may have the address: in the subnet, neither
 * the network nor the broadcast address. A subnet of /31 or /32 has no such address.
 */
bool ipv4_prefix_host(const struct prefix *prefix, struct in_addr address);

#endif
