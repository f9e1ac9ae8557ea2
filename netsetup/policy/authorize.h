// SPDX-License-Identifier: GPL-2.0-or-later
// What one asker is permitted: the part of the policy that is about them.
#ifndef NETSETUP_POLICY_AUTHORIZE_H
#define NETSETUP_POLICY_AUTHORIZE_H

#include <sys/types.h>

#include "netsetup/kernel/uplink.h"
#include "netsetup/policy/policy.h"
#include "netsetup/protocol/protocol.h"

/**
 * struct authorization - what an asker is permitted. Where a pointer to one is NULL, everything is: the
 * asker is root.
 * @uid: the asker.
 * @name: the asker's in passwd(5), or the number as text.
 * @path: of the policy, for messages.
 * @refusal: why nothing at all is permitted; code 0: see the statements.
 * @rules, @count: those about this user and their groups.
 */
struct authorization {
	uid_t uid;
	char name[POLICY_NAME_SIZE];
	const char *path;
	struct error refusal;
	struct rule rules[POLICY_RULES_MAX];
	size_t count;
};

/**
 * struct request - what is asked for, as far as the policy is concerned.
 * @uplink: its name.
 * @named: the request named it; else it was found.
 * @unprobed: the address is not to be proven free.
 * @address: the VM's, or 0.0.0.0: none yet.
 * @vms: how many other VMs the asker runs.
 */
struct request {
	const char *uplink;
	bool named;
	bool unprobed;
	struct in_addr address;
	unsigned int vms;
};

/* authorize_request() - what a request asks for on an uplink; no address and no other VMs yet. */
struct request authorize_request(const struct setup_record *setup, const struct uplink *uplink);

/**
 * authorize_load() - read the policy for one asker. It looks names up in passwd(5) and group(5), by
 * nsswitch.conf(5), and so is to be called before the system calls are confined.
 * @authorization: filled in, with a refusal when the policy cannot be used or has nothing for this asker.
 * @path: of the policy; stays the caller's.
 * @uid: the asker.
 * @groups, @group_count: all of the asker's.
 */
void authorize_load(struct authorization *authorization, const char *path, uid_t uid,
		    const gid_t *groups, size_t group_count);

/**
 * authorize_select() - the same with a policy that was read already.
 * @authorization: with @uid, @name and @path filled in.
 * @policy: the policy.
 * @groups, @group_count: all of the asker's.
 */
void authorize_select(struct authorization *authorization, const struct policy *policy,
		      const gid_t *groups, size_t group_count);

/**
 * authorize_check() - whether a wish is permitted, by one statement in all its parts.
 * @authorization: or NULL.
 * @request: the wish.
 * @err: says what is not, with the line that would permit it.
 *
 * Return: 0 or -EACCES.
 */
int authorize_check(const struct authorization *authorization, const struct request *request,
		    struct error *err);

/**
 * authorize_bounds() - narrow a span of addresses to where those lie that are permitted; not each one
 * within need be.
 * @authorization: or NULL: nothing is narrowed.
 * @request: without an address.
 * @first, @last: the bounds, inclusive.
 *
 * Return: false when none is permitted.
 */
bool authorize_bounds(const struct authorization *authorization, const struct request *request,
		      struct in_addr *first, struct in_addr *last);

#endif
