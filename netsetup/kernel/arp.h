// SPDX-License-Identifier: GPL-2.0-or-later
// ARP for IPv4 over Ethernet (RFC 826, RFC 5227) on a packet socket of one interface.
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
 * struct arp - an ARP packet's fields; hardware type, protocol and lengths are fixed.
 * @operation: ARPOP_REQUEST or ARPOP_REPLY.
 * @sender_mac, @sender: the sender's addresses; 0.0.0.0 in a probe.
 * @target_mac, @target: the target's addresses.
 */
struct arp {
	unsigned int operation;
	struct ether_addr sender_mac;
	struct in_addr sender;
	struct ether_addr target_mac;
	struct in_addr target;
};

/**
 * arp_open() - open a non-blocking packet socket that sees the interface's ARP for IPv4 and nothing
 * else, by a packet filter in the kernel.
 * @ifindex: the interface.
 * @err: the error.
 *
 * Return: the socket, or a negative errno.
 */
int arp_open(unsigned int ifindex, struct error *err);

/**
 * arp_listen() - choose what the socket sees from now on.
 * @socket: of arp_open().
 * @address: 0.0.0.0: all ARP for IPv4; else only what matters to who has this address: others' packets
 *           that come from it, and probes for it (RFC 5227 section 2.4), so that the ordinary ARP of
 *           a network wakes nobody.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int arp_listen(int socket, struct in_addr address, struct error *err);

/**
 * arp_parse() - read a packet as it follows the link-layer header.
 * @packet: the bytes, from anybody.
 * @size: how many.
 * @arp: the fields; untouched on failure.
 *
 * Return: 0, or -EPROTO when it is not ARP for IPv4 over Ethernet.
 */
int arp_parse(const void *packet, size_t size, struct arp *arp);

/**
 * arp_receive() - take the next packet from others; what this host sent itself is passed over.
 * @socket: of arp_open().
 * @arp: the fields.
 *
 * Return: 0, -EAGAIN when there is none, or none yet among many of no use, or another negative errno
 * (ENETDOWN, ENXIO).
 */
int arp_receive(int socket, struct arp *arp);

/**
 * arp_send() - send a packet: requests to everybody, replies to their target.
 * @socket: of arp_open().
 * @ifindex: the interface.
 * @arp: the fields.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int arp_send(int socket, unsigned int ifindex, const struct arp *arp, struct error *err);

/* arp_probe() - "is anybody using this address?", RFC 5227 section 2.1.1. */
struct arp arp_probe(const struct ether_addr *mac, struct in_addr address);

/* arp_answer() - "I use it", to who asked by a probe or a request. */
struct arp arp_answer(const struct ether_addr *mac, struct in_addr address,
		      const struct arp *asked);

/* arp_announcement() - "I use this address", RFC 5227 section 2.3. */
struct arp arp_announcement(const struct ether_addr *mac, struct in_addr address);

/* arp_mac_text() - write a hardware address; returns text. */
const char *arp_mac_text(const struct ether_addr *mac, char text[ARP_MAC_TEXT_SIZE]);

#endif
