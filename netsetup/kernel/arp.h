// SPDX-License-Identifier: GPL-2.0-or-later
// Sends and receives ARP (RFC 826, RFC 5227) on one interface.
#ifndef NETSETUP_KERNEL_ARP_H
#define NETSETUP_KERNEL_ARP_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/types.h>

#include "netsetup/base/error.h"

/* "00:11:22:33:44:55" with its NUL. */
#define ARP_MAC_TEXT_SIZE 18

/**
 * struct arp - the variable fields of an ARP packet for IPv4 over Ethernet.
 * @operation: ARPOP_REQUEST or ARPOP_REPLY.
 * @sender: 0.0.0.0 in a probe.
 */
struct arp {
	unsigned int operation;
	struct ether_addr sender_mac;
	struct in_addr sender;
	struct ether_addr target_mac;
	struct in_addr target;
};

/**
 * arp_parse() - parse a packet that begins after the link-layer header.
 * @packet: @size untrusted bytes.
 * @arp: untouched on failure.
 *
 * Return: 0, or -EPROTO if the packet is not ARP for IPv4 over Ethernet.
 */
int arp_parse(const void *packet, size_t size, struct arp *arp);

/**
 * arp_receive() - receive the next packet of another host.
 * @socket: for arp_socket_listen().
 *
 * Return: 0; -EAGAIN if no packet is there, or after a number of useless ones; or another negative
 * errno. ENETDOWN comes once when the interface goes down or is removed (packet_notifier() in
 * net/packet/af_packet.c); after the first, the socket works again when the interface is up.
 */
int arp_receive(int socket, struct arp *arp);

/**
 * arp_send() - send a packet from its sender's hardware address to its target's, but broadcast a
 * request without one.
 * @socket: for arp_socket_listen() or access_socket_listen().
 *
 * Return: 0 or a negative errno.
 */
int arp_send(int socket, const struct arp *arp, struct error *err);

/* arp_probe() - make a probe for hosts that use the address (RFC 5227 section 2.1.1). */
struct arp arp_probe(const struct ether_addr *mac, struct in_addr address);

/* arp_answer() - make the reply to a probe or a request for the address. */
struct arp arp_answer(const struct ether_addr *mac, struct in_addr address,
		      const struct arp *asked);

/* arp_announcement() - make an announcement that @mac uses the address (RFC 5227 section 2.3). */
struct arp arp_announcement(const struct ether_addr *mac, struct in_addr address);

/* arp_mac_text() - write a hardware address; returns text. */
const char *arp_mac_text(const struct ether_addr *mac, char text[ARP_MAC_TEXT_SIZE]);

#endif
