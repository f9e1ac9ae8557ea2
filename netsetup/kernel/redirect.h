// SPDX-License-Identifier: GPL-2.0-or-later
// Redirects frames of one interface into another by its traffic control.
#ifndef NETSETUP_KERNEL_REDIRECT_H
#define NETSETUP_KERNEL_REDIRECT_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/kernel/netlink.h"

/**
 * struct redirect - a filter of an interface.
 * @from: ifindex of the interface, which must have the qdisc.
 * @egress: true: frames that the host sends by it; false: that it receives by it.
 * @priority: 1 is first.
 * @protocol: ETH_P_*.
 * @program: of classic BPF, which returns 0 for frames that it leaves alone; NULL: all frames, by
 *           the classifier matchall.
 * @count: number of its instructions.
 * @to: ifindex of the interface that the frames enter, as if received there; 0: what the program
 *      returns is the action (TC_ACT_*).
 */
struct redirect {
	unsigned int from;
	bool egress;
	uint16_t priority;
	uint16_t protocol;
	const struct sock_filter *program;
	uint16_t count;
	unsigned int to;
};

/**
 * redirect_qdisc() - add the qdisc clsact to an interface that has none.
 *
 * Return: 0; -ENOENT or -EOPNOTSUPP if the kernel lacks it; or another negative errno.
 */
int redirect_qdisc(struct nl_sock *route, unsigned int ifindex);

/* redirect_add() - add a filter; returns as redirect_qdisc() does. */
int redirect_add(struct nl_sock *route, const struct redirect *redirect);

#endif
