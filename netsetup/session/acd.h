// SPDX-License-Identifier: GPL-2.0-or-later
// The guest's address is defended as a host defends its own (RFC 5227), for the kernel does not.
#ifndef NETSETUP_SESSION_ACD_H
#define NETSETUP_SESSION_ACD_H

#include <net/ethernet.h>
#include <stdbool.h>
#include <stdint.h>

#include "netsetup/session/attachment.h"

/**
 * struct acd - of one address.
 * @address: the one that is defended now; 0.0.0.0: none.
 * @last_conflict: when another host last claimed it, ms of CLOCK_BOOTTIME; 0: never.
 * @last_defence: when it was last claimed in return; 0: never.
 * @conflicting_host: that host's hardware address.
 */
struct acd {
	struct in_addr address;
	uint64_t last_conflict;
	uint64_t last_defence;
	struct ether_addr conflicting_host;
};

/**
 * acd_start() - listen for what concerns the VM's address.
 * @acd: starts anew when the address is another than before.
 * @attachment: a published place.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int acd_start(struct acd *acd, const struct attachment *attachment, struct error *err);

/**
 * acd_stop() - hear and say nothing more: the VM is not on the LAN, and its address may well be
 * somebody else's there.
 * @acd: that of @attachment; acd_start() resumes it.
 * @attachment: a place.
 */
void acd_stop(struct acd *acd, const struct attachment *attachment);

/**
 * acd_receive() - answer what has come: a probe for the address gets a reply, which the kernel
 * does not give for a proxied one (arp_process() in net/ipv4/arp.c, the case of a zero sender); a
 * claim of it gets an announcement, but not twice within DEFEND_INTERVAL, 10 s (section 2.4 (c)).
 * @acd: see there.
 * @attachment: a published place.
 * @now: ms of CLOCK_BOOTTIME.
 *
 * Return: whether another host insists on the address, by a second claim within that interval;
 * @acd->conflicting_host is it.
 */
bool acd_receive(struct acd *acd, struct attachment *attachment, uint64_t now);

#endif
