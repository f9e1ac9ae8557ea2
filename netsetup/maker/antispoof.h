// SPDX-License-Identifier: GPL-2.0-or-later
// Filters the guest's packets: only its own address may be their source.
#ifndef NETSETUP_MAKER_ANTISPOOF_H
#define NETSETUP_MAKER_ANTISPOOF_H

#include <linux/filter.h>
#include <netinet/in.h>

#include "netsetup/base/error.h"
#include "netsetup/base/ifname.h"
#include "netsetup/kernel/netlink.h"

/*
 * Threat: the guest sends with another host's address. Strict reverse-path filtering on the tap
 * stops most of that. But the kernel uses the larger value of the interface and of
 * net.ipv4.conf.all, and 2 there means loose. It does not look at ARP either. Therefore the tap
 * also has a classifier (tc(8), cls_bpf with classic BPF and direct action). The kernel removes it
 * with the tap.
 *
 * It passes IPv4 from the guest's address, and ARP with that sender or with none (a probe). It
 * drops all else, also IPv6, and DHCP of a client without this address: the socket of dhcp_relay.h
 * gets that before, and no DHCP server of the host may answer it. It drops the answers of a DHCP
 * server, from which a client of the host took a lease. Test: test_dhcp_answers_stay_away in
 * tests/lab/security/test_hostile_guest.py.
 */

/* Number of the classifier's instructions. */
#define ANTISPOOF_SIZE 21

/**
 * antispoof_program() - build the classifier; its result is TC_ACT_OK or TC_ACT_SHOT.
 * @address: the guest's address.
 * @program: classic BPF for a frame with its Ethernet header.
 */
void antispoof_program(struct in_addr address, struct sock_filter program[ANTISPOOF_SIZE]);

/* antispoof_text() - write the classifier for tc(8), "LENGTH,CODE JT JF K,..."; returns text. */
const char *antispoof_text(struct in_addr address, char *text, size_t size);

/**
 * antispoof_set() - filter the tap by antispoof_program().
 * @address: the guest's address; it replaces the one of an earlier call.
 *
 * Without cls_bpf in the kernel, the call succeeds if net.ipv4.conf.all.rp_filter is not loose.
 *
 * Return: 0 or a negative errno.
 */
int antispoof_set(struct nl_sock *route, struct interface_id tap, struct in_addr address,
		  struct error *err);

#endif
