// SPDX-License-Identifier: GPL-2.0-or-later
// Filters the ARP packets of an uplink.
#ifndef NETSETUP_KERNEL_ARP_SOCKET_H
#define NETSETUP_KERNEL_ARP_SOCKET_H

#include <netinet/in.h>

#include "netsetup/base/error.h"

/**
 * arp_socket_listen() - have the kernel pass the uplink's ARP for IPv4, and nothing else.
 * @socket: from packet_socket_open() for ETH_P_ARP. It receives after the uplink's table, which
 *          passes the ARP for a guest on to it, too; and that of bridged guests to this host.
 * @address: 0.0.0.0 passes all ARP for IPv4. Any other address passes what its owner needs: packets
 *           of other hosts from this address, and probes for it (RFC 5227 section 2.4). The
 *           ordinary ARP of a network then wakes no process.
 *
 * Return: 0 or a negative errno.
 */
int arp_socket_listen(int socket, struct in_addr address, struct error *err);

#endif
