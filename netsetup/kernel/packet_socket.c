// SPDX-License-Identifier: GPL-2.0-or-later
// Opens a packet socket on one interface.
#include "netsetup/kernel/packet_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"

int packet_socket_filter(int socket, const struct sock_fprog *filter, struct error *err)
{
	if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, filter, sizeof(*filter)) < 0)
		return error_set_errno(err, errno, "cannot filter a packet socket");
	return 0;
}

int packet_socket_open(unsigned int ifindex, uint16_t protocol, struct error *err)
{
	static const struct sock_filter nothing[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	const struct sock_fprog filter = { ARRAY_SIZE(nothing), (struct sock_filter *)nothing };
	const struct sockaddr_ll address = { .sll_family = AF_PACKET,
					     .sll_protocol = htons(protocol),
					     .sll_ifindex = (int)ifindex };
	const int on = 1;
	cleanup_fd int fd = -1;

	/* With protocol 0 the socket receives nothing before it has its filter and is bound. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot open a packet socket");
	if (packet_socket_filter(fd, &filter, err) < 0)
		return -err->code;
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0)
		return error_set_errno(err, errno, "cannot ignore what a packet socket sends");
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return error_set_errno(err, errno, "cannot bind a packet socket to interface %u",
				       ifindex);
	return take_fd(&fd);
}
