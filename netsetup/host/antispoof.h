// SPDX-License-Identifier: GPL-2.0-or-later
// What a guest may send: its own address, and nothing that could speak for another machine.
#ifndef NETSETUP_HOST_ANTISPOOF_H
#define NETSETUP_HOST_ANTISPOOF_H

#include <linux/filter.h>
#include <netinet/in.h>

#include "netsetup/base/error.h"
#include "netsetup/host/host.h"

/*
 * Strict reverse-path filtering on the tap does most of it, but its effective value is the maximum
 * of the interface's and of net.ipv4.conf.all's, and 2 there means loose: the guest could send with
 * any address of the LAN. It does not look at ARP either. So the tap also has a classifier (tc(8),
 * cls_bpf with classic BPF and direct action), which belongs to the tap and goes with it.
 *
 * It lets through IPv4 from the guest's address, and ARP that speaks for it or for nobody (a probe).
 * Nothing else: IPv6 neither, nor DHCP from a client that has no address yet or still another; the
 * socket of dhcp_relay.h takes that before, and no server of the host's is to answer it.
 */

/* Instructions of the classifier. */
#define ANTISPOOF_SIZE 13

/**
 * antispoof_program() - the classifier; its result is TC_ACT_OK or TC_ACT_SHOT.
 * @address: the guest's.
 * @program: the program, for a frame with its Ethernet header.
 */
void antispoof_program(struct in_addr address, struct sock_filter program[ANTISPOOF_SIZE]);

/**
 * antispoof_set() - have the tap let through what antispoof_program() does.
 * @host: the host.
 * @tap: the tap.
 * @address: the guest's; the one before, if any, is no longer let through.
 * @err: the error.
 *
 * A kernel without the classifier is good enough when net.ipv4.conf.all.rp_filter is not loose.
 *
 * Return: 0 or a negative errno.
 */
int antispoof_set(struct host *host, struct interface_id tap, struct in_addr address,
		  struct error *err);

#endif
