// SPDX-License-Identifier: GPL-2.0-or-later
// Opens the packet socket for ARP on one interface.
#ifndef NETSETUP_KERNEL_ARP_SOCKET_H
#define NETSETUP_KERNEL_ARP_SOCKET_H

#include <netinet/in.h>

#include "netsetup/base/error.h"

/**
 * arp_socket_open() - open a non-blocking packet socket, whose filter in the kernel passes the
 * interface's ARP for IPv4 and nothing else.
 *
 * Threat: a process with a packet socket can send on each interface, if it passes an address to
 * sendto() (packet_snd() in net/packet/af_packet.c). Without an address, a socket of type SOCK_RAW
 * sends on the interface that it is bound to. So this is one, and the seccomp filter of the process
 * that holds it permits no address. The frames that it sends can be of any protocol, with any
 * source: the limit is one interface.
 *
 * Return: the socket, or a negative errno.
 */
int arp_socket_open(unsigned int ifindex, struct error *err);

/**
 * arp_socket_listen() - set the filter of a socket.
 * @socket: from arp_socket_open().
 * @address: 0.0.0.0 passes all ARP for IPv4. Any other address passes what its owner needs: packets
 *           of other hosts from this address, and probes for it (RFC 5227 section 2.4). The
 *           ordinary ARP of a network then wakes no process.
 *
 * Return: 0 or a negative errno.
 */
int arp_socket_listen(int socket, struct in_addr address, struct error *err);

#endif
