// SPDX-License-Identifier: GPL-2.0-or-later
// Opens the packet socket that finds frames of a guest from a foreign address.
#ifndef NETSETUP_KERNEL_SOURCE_SOCKET_H
#define NETSETUP_KERNEL_SOURCE_SOCKET_H

#include <netinet/in.h>

#include "netsetup/base/error.h"

/* Bytes of a frame that such a socket receives: up to the sender of ARP and IPv4. */
#define SOURCE_SOCKET_SIZE 34

/**
 * source_socket_open() - open a non-blocking packet socket that receives nothing yet. It sends what
 * the socket of arp_socket_open() does.
 * @tap: the tap's index.
 *
 * Return: the socket or a negative errno.
 */
int source_socket_open(unsigned int tap, struct error *err);

/**
 * source_socket_listen() - pass the beginning of each ARP and IPv4 frame whose sender is neither
 * this address nor 0.0.0.0.
 * @address: 0.0.0.0: pass nothing.
 *
 * Return: 0 or a negative errno.
 */
int source_socket_listen(int socket, struct in_addr address, struct error *err);

/* source_socket_sender() - return the sender's address of a frame that the socket has received. */
struct in_addr source_socket_sender(const unsigned char frame[SOURCE_SOCKET_SIZE]);

#endif
