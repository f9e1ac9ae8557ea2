// SPDX-License-Identifier: GPL-2.0-or-later
// Detects address conflicts and defends the guest's address (RFC 5227).
#ifndef NETSETUP_SESSION_ACD_H
#define NETSETUP_SESSION_ACD_H

#include <net/ethernet.h>
#include <stdbool.h>
#include <stdint.h>

#include "netsetup/session/attachment.h"

/**
 * struct acd - conflict detection of one address; the kernel has none for proxied addresses.
 * @address: the address that is defended now; 0.0.0.0: none.
 * @last_conflict: last claim by another host, ms of CLOCK_BOOTTIME; 0: none.
 * @last_defence: last announcement against a claim; 0: none.
 * @conflicting_host: hardware address of that host.
 */
struct acd {
	struct in_addr address;
	uint64_t last_conflict;
	uint64_t last_defence;
	struct ether_addr conflicting_host;
};

/**
 * acd_start() - listen for packets that concern the VM's address.
 * @acd: starts anew if the address has changed.
 * @attachment: published.
 *
 * Return: 0 or a negative errno.
 */
int acd_start(struct acd *acd, const struct attachment *attachment, struct error *err);

/**
 * acd_stop() - receive and send no more: the VM is not on the LAN, where another host may have its
 * address.
 * @acd: that of @attachment; acd_start() resumes it.
 */
void acd_stop(struct acd *acd, const struct attachment *attachment);

/**
 * acd_receive() - answer the received packets. A probe for the address gets a reply, which the
 * kernel does not send for a proxied one (arp_process() in net/ipv4/arp.c, the case of a zero
 * sender). A claim gets an announcement, but not twice within DEFEND_INTERVAL, 10 s (section 2.4
 * (c)).
 * @attachment: published.
 * @now: ms of CLOCK_BOOTTIME.
 *
 * Return: true if @acd->conflicting_host insists on the address by a second claim within that
 * interval.
 */
bool acd_receive(struct acd *acd, struct attachment *attachment, uint64_t now);

#endif
