// SPDX-License-Identifier: GPL-2.0-or-later
// The policy: which users may put VMs on the LAN without being root, and where.
#ifndef NETSETUP_POLICY_POLICY_H
#define NETSETUP_POLICY_POLICY_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/base/error.h"

/* Bounds of a file: bytes, statements, bytes of a line; of a name, with its NUL. */
#define POLICY_SIZE_MAX  65536
#define POLICY_RULES_MAX 128
#define POLICY_LINE_MAX  255
#define POLICY_NAME_SIZE 64

/* How many VMs a user may run at a time: where a statement does not say, and at the most. */
#define POLICY_VMS_DEFAULT 8
#define POLICY_VMS_MAX     1000

/**
 * struct rule - one line of the policy. A request is permitted when one statement permits all
 * of it.
 * @group: it is about a group's members, else about one user.
 * @name: of the user or group; or empty, then @id is the number.
 * @any_uplink: on any uplink; else on @uplink alone, or when that is empty on the one that is found
 *              when the request names none.
 * @first, @last: the addresses, inclusive; by default all of a subnet.
 * @vms: how many VMs each user may run at a time.
 * @unprobed: also with `probe: none`, so at an address that another station may have.
 */
struct rule {
	bool group;
	char name[POLICY_NAME_SIZE];
	uint32_t id;
	bool any_uplink;
	char uplink[IFNAMSIZ];
	struct in_addr first;
	struct in_addr last;
	unsigned int vms;
	bool unprobed;
};

struct policy {
	struct rule rules[POLICY_RULES_MAX];
	size_t count;
};

/**
 * policy_parse() - read a policy; vmrun-netsetup(8), POLICY, tells its grammar.
 * @text: the bytes, from anybody; need not end in a NUL.
 * @size: how many.
 * @path: of the file, for messages.
 * @policy: the statements; of no use after a failure.
 * @err: the first error, with path and line.
 *
 * Return: 0 or -EINVAL.
 */
int policy_parse(const char *text, size_t size, const char *path, struct policy *policy,
		 struct error *err);

#endif
