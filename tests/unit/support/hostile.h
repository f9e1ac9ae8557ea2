// SPDX-License-Identifier: GPL-2.0-or-later
// Feeds truncated and changed copies of a netlink message to a parser.
#ifndef TESTS_UNIT_SUPPORT_HOSTILE_H
#define TESTS_UNIT_SUPPORT_HOSTILE_H

#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

/* Parses a copy of @size octets; AddressSanitizer reports an access behind its end. */
static inline void hostile_parse(const void *octets, size_t size, void (*parse)(struct nlmsghdr *))
{
	struct nlmsghdr *copy = malloc(size);

	memcpy(copy, octets, size);
	copy->nlmsg_len = (uint32_t)size;
	parse(copy);
	free(copy);
}

/**
 * hostile_feed() - parse each truncation of a message, and changes of each octet. Only a memory
 * error fails the test.
 * @msg: a valid message.
 */
static inline void hostile_feed(struct nl_msg *msg, void (*parse)(struct nlmsghdr *))
{
	static const unsigned char values[] = { 0, 1, 3, 4, 5, 0x7f, 0x80, 0xff };
	size_t size = nlmsg_hdr(msg)->nlmsg_len;
	unsigned char *octets = malloc(size);

	memcpy(octets, nlmsg_hdr(msg), size);
	for (size_t cut = NLMSG_HDRLEN; cut <= size; cut++)
		hostile_parse(octets, cut, parse);
	for (size_t at = NLMSG_HDRLEN; at < size; at++) {
		unsigned char kept = octets[at];

		for (size_t i = 0; i < sizeof(values); i++) {
			octets[at] = values[i];
			hostile_parse(octets, size, parse);
		}
		octets[at] = kept;
	}
	free(octets);
}

#endif
