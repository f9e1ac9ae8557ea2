// SPDX-License-Identifier: GPL-2.0-or-later
// Opens packet sockets that receive at once.
#ifndef TESTS_UNIT_SUPPORT_PACKET_H
#define TESTS_UNIT_SUPPORT_PACKET_H

#include <net/ethernet.h>
#include <netinet/in.h>

#include "netsetup/kernel/arp_socket.h"
#include "netsetup/kernel/packet_socket.h"

/* arp_socket_open() - return a socket that receives all ARP, or a negative errno. */
static inline int arp_socket_open(unsigned int ifindex, struct error *err)
{
	const struct in_addr everything = { INADDR_ANY };
	const int fd = packet_socket_open(ifindex, ETHERTYPE_ARP, err);

	return fd < 0 || arp_socket_listen(fd, everything, err) == 0 ? fd : -err->code;
}

#endif
