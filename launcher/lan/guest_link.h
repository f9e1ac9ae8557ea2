// SPDX-License-Identifier: GPL-2.0-or-later
// Takes the guest's link down and up, so that it requests its address again.
#ifndef LAUNCHER_LAN_GUEST_LINK_H
#define LAUNCHER_LAN_GUEST_LINK_H

#include "launcher/common/loop.h"
#include "launcher/qemu/qmp.h"

/**
 * struct guest_link - the guest's link to the LAN.
 * @name: the VM's.
 * @card: number of the card, as qemu_network.c names it.
 * @loop: the run's.
 * @qmp: QEMU's QMP; NULL before QEMU is ready.
 * @timer: timerfd that takes the link up again, or -1.
 */
struct guest_link {
	const char *name;
	unsigned int card;
	struct loop *loop;
	struct qmp *qmp;
	int timer;
};

/**
 * guest_link_cycle() - take the link down for a second. A DHCP client that watches it requests its
 * address again.
 */
void guest_link_cycle(struct guest_link *link);

/* guest_link_done() - end the timer; may be called twice. */
void guest_link_done(struct guest_link *link);

#endif
