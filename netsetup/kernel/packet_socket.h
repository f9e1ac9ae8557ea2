// SPDX-License-Identifier: GPL-2.0-or-later
// Opens a packet socket on one interface.
#ifndef NETSETUP_KERNEL_PACKET_SOCKET_H
#define NETSETUP_KERNEL_PACKET_SOCKET_H

#include <linux/filter.h>
#include <stdint.h>

#include "netsetup/base/error.h"

/**
 * packet_socket_open() - open a non-blocking packet socket for one interface, which receives
 * nothing before packet_socket_filter(), and never what leaves by that interface.
 *
 * Threat: a process with a packet socket can send on each interface, if it passes an address to
 * sendto() (packet_snd() in net/packet/af_packet.c). Without an address, a socket of type SOCK_RAW
 * sends on the interface that it is bound to. So this is one, and the seccomp filter of the process
 * that holds it permits no address. The frames that it sends can be of any protocol, with any
 * source: the limit is one interface.
 *
 * @protocol: ETH_P_ALL receives a frame before the table of the interface, and costs each frame a
 *            moment; any other, such as ETH_P_ARP, after the table, and costs other frames nothing
 *            (__netif_receive_skb_core() in net/core/dev.c).
 *
 * Return: the socket, or a negative errno.
 */
int packet_socket_open(unsigned int ifindex, uint16_t protocol, struct error *err);

/* packet_socket_filter() - set the filter of a packet socket; returns 0 or a negative errno. */
int packet_socket_filter(int socket, const struct sock_fprog *filter, struct error *err);

#endif
