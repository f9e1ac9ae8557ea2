// SPDX-License-Identifier: GPL-2.0-or-later
// Filters the frames that a guest sends from a foreign address.
#ifndef NETSETUP_KERNEL_SOURCE_SOCKET_H
#define NETSETUP_KERNEL_SOURCE_SOCKET_H

#include <netinet/in.h>

#include "netsetup/base/error.h"

/* Bytes of a frame that such a socket receives: up to the sender of ARP and IPv4. */
#define SOURCE_SOCKET_SIZE 34

/**
 * source_socket_listen() - pass the beginning of each ARP and IPv4 frame whose sender is neither
 * this address nor 0.0.0.0.
 * @socket: from packet_socket_open() for the guest's tap and ETH_P_ALL. It receives a frame before
 *          the uplink's table, which drops it.
 * @address: 0.0.0.0: pass nothing.
 *
 * Return: 0 or a negative errno.
 */
int source_socket_listen(int socket, struct in_addr address, struct error *err);

/* source_socket_sender() - return the sender's address of a frame that the socket has received. */
struct in_addr source_socket_sender(const unsigned char frame[SOURCE_SOCKET_SIZE]);

#endif
