// SPDX-License-Identifier: GPL-2.0-or-later
// Parses the policy: rules for users who may attach VMs to the LAN.
#ifndef NETSETUP_POLICY_POLICY_H
#define NETSETUP_POLICY_POLICY_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/base/error.h"

/* Limits: bytes of a file, its rules, bytes of a line without comment; a name with its NUL. */
#define POLICY_SIZE_MAX  65536
#define POLICY_RULES_MAX 128
#define POLICY_LINE_MAX  255
#define POLICY_NAME_SIZE 64

/*
 * VMs that a user may run at the same time: the default of a rule, and its largest value. Each card
 * on the LAN counts as one.
 */
#define POLICY_VMS_DEFAULT 8
#define POLICY_VMS_MAX     1000

/**
 * struct rule - one line of the policy. A request is permitted if a single rule permits all of it.
 * @group: true for the members of a group, false for one user.
 * @name: of the user or group; if empty, @id is the number.
 * @any_uplink: permits every uplink. Otherwise @uplink only; if that is empty, the uplink that
 *              netsetup finds when the request names none.
 * @first, @last: the permitted addresses, inclusive; by default all.
 * @vms: VMs that each user may run at the same time.
 * @unprobed: permits `probe: none`, that is, an address that another host may have.
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
 * policy_parse() - parse a policy; vmrun-netsetup(8), POLICY, has its grammar.
 * @text: @size untrusted bytes; may lack a NUL.
 * @path: of the file, for messages.
 * @policy: undefined after a failure.
 * @err: the first error, with path and line.
 *
 * Return: 0 or -EINVAL.
 */
int policy_parse(const char *text, size_t size, const char *path, struct policy *policy,
		 struct error *err);

#endif
