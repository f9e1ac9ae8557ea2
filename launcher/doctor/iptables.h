// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the rules of iptables-legacy and follows a packet through them.
#ifndef LAUNCHER_DOCTOR_IPTABLES_H
#define LAUNCHER_DOCTOR_IPTABLES_H

#include <stddef.h>
#include <stdint.h>

#include "launcher/doctor/packet.h"

/**
 * struct iptables - one table.
 * @entries: @size bytes of struct ipt_entry, allocated; NULL: the table was not read.
 * @first: offset of the first entry of each hook.
 * @policy: offset of the last one, which has the policy.
 */
struct iptables {
	uint8_t *entries;
	size_t size;
	unsigned int first[NF_INET_NUMHOOKS];
	unsigned int policy[NF_INET_NUMHOOKS];
};

/**
 * iptables_read() - read a table, which needs CAP_NET_ADMIN.
 * @name: a table that exists: the kernel makes others.
 *
 * Return: 0 or a negative errno.
 */
int iptables_read(const char *name, struct iptables *table);

/**
 * iptables_follow() - follow a packet through a hook of a table. A rule that depends on more than
 * interfaces and addresses decides nothing.
 */
enum packet_outcome iptables_follow(const struct iptables *table, unsigned int hook,
				    const struct packet *packet);

/* iptables_done() - free the table. */
void iptables_done(struct iptables *table);

#endif
