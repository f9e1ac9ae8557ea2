// SPDX-License-Identifier: GPL-2.0-or-later
// Checks a client's requests against the rules of the policy.
#ifndef NETSETUP_POLICY_AUTHORIZE_H
#define NETSETUP_POLICY_AUTHORIZE_H

#include <sys/types.h>

#include "netsetup/policy/policy.h"

/**
 * struct authorization - the rules for one client. A NULL pointer stands for root's authorization,
 * which permits everything.
 * @uid: the client's.
 * @name: the client's name in /etc/passwd, or the number as text.
 * @path: of the policy, for messages.
 * @refusal: the reason to refuse all requests; its code is 0 if the rules decide.
 * @rules: @count rules for this user and their groups.
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
 * struct request - the properties of an attach_record that the policy restricts.
 * @uplink: its name, owned by the caller.
 * @named: true if the user has named it, or if it has no default route.
 * @unprobed: true if the address is used without a probe.
 * @address: the VM's; 0.0.0.0 if it has none yet.
 * @vms: number of other cards on the LAN of VMs that the client runs.
 * @card: number of this card.
 */
struct request {
	const char *uplink;
	bool named;
	bool unprobed;
	struct in_addr address;
	unsigned int vms;
	unsigned int card;
};

/**
 * authorize_load() - read the rules of the policy for one client. Names are those of /etc/passwd
 * and /etc/group: a lookup by nsswitch.conf(5) would load others' code into a privileged process.
 * Users and groups of a directory service are named by their numbers.
 * @authorization: gets a refusal if the policy is invalid or has no rule for this client.
 * @path: of the policy, owned by the caller; must stay valid.
 * @uid: the client's.
 * @groups: all @group_count groups of the client.
 */
void authorize_load(struct authorization *authorization, const char *path, uid_t uid,
		    const gid_t *groups, size_t group_count);

/**
 * authorize_select() - copy the rules for one client from a policy.
 * @authorization: must have @uid, @name and @path.
 * @groups: all @group_count groups of the client.
 */
void authorize_select(struct authorization *authorization, const struct policy *policy,
		      const gid_t *groups, size_t group_count);

/**
 * authorize_check() - check that a single rule permits all of a request.
 * @authorization: may be NULL.
 * @err: names what is not permitted; the remedy is the rule that would permit it.
 *
 * Return: 0 or -EACCES.
 */
int authorize_check(const struct authorization *authorization, const struct request *request,
		    struct error *err);

/**
 * authorize_bounds() - narrow a range of addresses to the smallest one with all permitted ones. It
 * may contain others, so the caller must check the address that it chooses.
 * @authorization: may be NULL, then the range stays.
 * @request: must not have an address.
 * @first, @last: the bounds, inclusive; untouched on failure.
 *
 * Return: false if no address is permitted.
 */
bool authorize_bounds(const struct authorization *authorization, const struct request *request,
		      struct in_addr *first, struct in_addr *last);

#endif
