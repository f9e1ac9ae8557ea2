// SPDX-License-Identifier: GPL-2.0-or-later
// Filters what a router sends to an address, and who asks for that address.
#ifndef NETSETUP_KERNEL_ACCESS_SOCKET_H
#define NETSETUP_KERNEL_ACCESS_SOCKET_H

#include <netinet/in.h>

#include "netsetup/base/error.h"

/* Bytes of a frame that such a socket receives: the longest IPv4 header, and ICMP's. */
#define ACCESS_SOCKET_SIZE 82

/**
 * access_socket_listen() - pass ARP for the address or from the router, and ICMP from the router.
 * @socket: from host_frame_socket(). It receives a frame before the uplink's table, which passes
 *          it to the guest.
 * @address, @router: 0.0.0.0 for both: pass nothing.
 *
 * Return: 0 or a negative errno.
 */
int access_socket_listen(int socket, struct in_addr address, struct in_addr router,
			 struct error *err);

#endif
