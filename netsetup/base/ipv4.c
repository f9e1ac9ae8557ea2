// SPDX-License-Identifier: GPL-2.0-or-later
// Converts and compares IPv4 addresses and prefixes.
#include "netsetup/base/ipv4.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdint.h>
#include <stdio.h>

bool ipv4_parse(const char *text, struct in_addr *address)
{
	struct in_addr parsed;

	/* inet_pton(3), unlike inet_aton(3), accepts nothing but four decimal numbers. */
	if (inet_pton(AF_INET, text, &parsed) != 1)
		return false;
	*address = parsed;
	return true;
}

const char *ipv4_text(struct in_addr address, char text[IPV4_TEXT_SIZE])
{
	return inet_ntop(AF_INET, &address, text, IPV4_TEXT_SIZE);
}

const char *ipv4_prefix_text(const struct prefix *prefix, char text[IPV4_TEXT_SIZE])
{
	char address[IPV4_TEXT_SIZE];

	snprintf(text, IPV4_TEXT_SIZE, "%.15s/%u", ipv4_text(prefix->address, address),
		 prefix->length % 100);
	return text;
}

struct in_addr ipv4_mask(unsigned int length)
{
	assert(length <= 32);
	return (struct in_addr){ htonl(length ? UINT32_MAX << (32 - length) : 0) };
}

bool ipv4_unicast(struct in_addr address)
{
	uint32_t first = ntohl(address.s_addr) >> 24;

	return first != 0 && first != 127 && first < 224;
}

bool ipv4_link_local(struct in_addr address)
{
	return ntohl(address.s_addr) >> 16 == 0xa9fe;
}

struct in_addr ipv4_prefix_network(const struct prefix *prefix)
{
	return (struct in_addr){ prefix->address.s_addr & ipv4_mask(prefix->length).s_addr };
}

struct in_addr ipv4_prefix_broadcast(const struct prefix *prefix)
{
	return (struct in_addr){ prefix->address.s_addr | ~ipv4_mask(prefix->length).s_addr };
}

bool ipv4_prefix_contains(const struct prefix *prefix, struct in_addr address)
{
	return ((address.s_addr ^ prefix->address.s_addr) & ipv4_mask(prefix->length).s_addr) == 0;
}

bool ipv4_prefix_host(const struct prefix *prefix, struct in_addr address)
{
	return prefix->length <= 30 && ipv4_prefix_contains(prefix, address) &&
	       !ipv4_equal(address, ipv4_prefix_network(prefix)) &&
	       !ipv4_equal(address, ipv4_prefix_broadcast(prefix));
}
