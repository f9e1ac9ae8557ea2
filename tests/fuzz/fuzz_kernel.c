// SPDX-License-Identifier: GPL-2.0-or-later
// Any answers of the kernel's to what netsetup asks by netlink; the first byte says what that is.
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "launcher/lan/uplink.h"
#include "netsetup/kernel/netlink.h"
#include "netsetup/kernel/query.h"
#include "tests/fuzz/fuzz.h"

#define DATAGRAM 2048
#define OWN      0x0a4da8c0 /* 192.168.77.10, little-endian */
#define EXPORT   __attribute__((visibility("default")))

static const uint8_t *rest;
static size_t left;
static uint32_t sequence;

/* In the kernel's place: libnl's requests end here, and the input answers, a datagram each. */
EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	const struct nlmsghdr *header = message->msg_iov[0].iov_base;

	sequence = header->nlmsg_seq;
	return (ssize_t)message->msg_iov[0].iov_len;
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	size_t size = left < 2 ? 0 : (size_t)(rest[0] | rest[1] << 8) % DATAGRAM;
	struct nlmsghdr *header = message->msg_iov[0].iov_base;

	if (left < 2) {
		errno = EAGAIN;
		return -1;
	}
	size = size < left - 2 ? size : left - 2;
	memcpy(header, rest + 2, size);
	rest += size + 2;
	left -= size + 2;
	memcpy(message->msg_name, &kernel, sizeof(kernel));
	message->msg_namelen = sizeof(kernel);
	message->msg_controllen = 0;
	message->msg_flags = 0;
	for (int at = (int)size; nlmsg_ok(header, at); header = nlmsg_next(header, &at))
		header->nlmsg_seq = sequence;
	return (ssize_t)size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_nl_sock *sock = NULL;
	struct link_state state;
	struct uplink uplink;
	unsigned int ifindex, length;
	struct error err;

	if (size == 0)
		return 0;
	rest = data + 1;
	left = size - 1;
	if (data[0] & 2) {
		if (uplink_find(&(struct uplink_search){ .ifname = data[0] & 4 ? "e0" : NULL },
				&uplink, &err) == 0)
			must(uplink.prefix.length >= 1 && uplink.prefix.length <= 30);
		return 0;
	}
	must(netlink_open(NETLINK_ROUTE, &sock, &err) == 0);
	query_link(sock, 2, &state);
	query_lookup(sock, (struct in_addr){ OWN }, &ifindex, &length);
	query_proxy(sock, (struct in_addr){ OWN }, 2);
	return 0;
}
