// SPDX-License-Identifier: GPL-2.0-or-later
// Opens the packet socket that receives a guest's DHCP packets.
#ifndef NETSETUP_KERNEL_DHCP_SOCKET_H
#define NETSETUP_KERNEL_DHCP_SOCKET_H

#include "netsetup/base/error.h"

/**
 * dhcp_socket_open() - open a non-blocking packet socket that receives only the guest's packets to
 * the DHCP server's port, as Ethernet frames, with PACKET_AUXDATA. It sends what
 * packet_socket_open() says.
 * @tap: the tap's index.
 *
 * Return: the socket or a negative errno.
 */
int dhcp_socket_open(unsigned int tap, struct error *err);

#endif
