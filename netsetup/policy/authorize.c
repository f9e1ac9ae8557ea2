// SPDX-License-Identifier: GPL-2.0-or-later
// Checks a client's requests against the rules of the policy.
#include "netsetup/policy/authorize.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/base/membership.h"
#include "netsetup/policy/policy_file.h"

#define PASSWD_FILE "/etc/passwd"
#define GROUP_FILE  "/etc/group"

/* Finds the client's name for messages, whose remedy is a line for the policy. */
static void find_name(struct authorization *authorization)
{
	cleanup_file FILE *file = fopen(PASSWD_FILE, "re");
	const struct passwd *entry;

	snprintf(authorization->name, sizeof(authorization->name), "%u",
		 (unsigned int)authorization->uid);
	while (file && (entry = fgetpwent(file)))
		if (entry->pw_uid == authorization->uid &&
		    strlen(entry->pw_name) < sizeof(authorization->name)) {
			memcpy(authorization->name, entry->pw_name, strlen(entry->pw_name) + 1);
			return;
		}
}

static bool is_user(const struct rule *rule, uid_t uid)
{
	cleanup_file FILE *file = NULL;
	const struct passwd *entry;

	if (!rule->name[0])
		return rule->id == uid;
	file = fopen(PASSWD_FILE, "re");
	while (file && (entry = fgetpwent(file)))
		if (!strcmp(entry->pw_name, rule->name))
			return entry->pw_uid == uid;
	return false;
}

/* Finds the number of a rule's group, and if the group's entry lists @user. */
static bool find_group(const struct rule *rule, const char *user, gid_t *gid, bool *listed)
{
	cleanup_file FILE *file = fopen(GROUP_FILE, "re");
	const struct group *entry;

	while (file && (entry = fgetgrent(file))) {
		if (rule->name[0] ? strcmp(entry->gr_name, rule->name) != 0
				  : entry->gr_gid != rule->id)
			continue;
		*gid = entry->gr_gid;
		*listed = false;
		for (char **member = entry->gr_mem; *member; member++)
			*listed = *listed || !strcmp(*member, user);
		return true;
	}
	return false;
}

static bool is_member(const struct rule *rule, const gid_t *groups, size_t count)
{
	gid_t gid = rule->id;
	bool listed;

	if (rule->name[0] && !find_group(rule, "", &gid, &listed))
		return false;
	for (size_t i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* Adds the rule that would permit a request, with the options that the request needs. */
static void add_remedy(const struct authorization *authorization, const struct request *request,
		       bool uplink, bool address, bool vms, struct error *err)
{
	char number[16] = "", text[IPV4_TEXT_SIZE] = "";

	uplink = uplink || (request && request->named);
	if (vms)
		snprintf(number, sizeof(number), "%u", request->vms + 1);
	if (address)
		ipv4_text(request->address, text);
	error_remedy(err, "to permit it, add this line to '%s', as root:", authorization->path);
	error_remedy(err, "allow user %s%s%s%s%s%s%s%s", authorization->name,
		     uplink ? " uplink " : "", uplink ? request->uplink : "",
		     address ? " address " : "", text, vms ? " vms " : "", number,
		     request && request->unprobed ? " unprobed" : "");
}

/* Finds a group rule that would apply to a login of now; its remedy is to log in again. */
static bool add_login_remedy(const struct authorization *authorization, const struct policy *policy,
			     struct error *err)
{
	for (size_t i = 0; i < policy->count; i++) {
		const struct rule *rule = &policy->rules[i];
		bool listed = false;
		char number[16];
		gid_t gid;

		if (!rule->group || !find_group(rule, authorization->name, &gid, &listed) ||
		    !listed)
			continue;
		snprintf(number, sizeof(number), "%u", (unsigned int)gid);
		membership_add_remedy(authorization->uid, rule->name[0] ? rule->name : number, true,
				      err);
		return true;
	}
	return false;
}

void authorize_select(struct authorization *authorization, const struct policy *policy,
		      const gid_t *groups, size_t group_count)
{
	struct error *err = &authorization->refusal;

	authorization->count = 0;
	for (size_t i = 0; i < policy->count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (rule->group ? is_member(rule, groups, group_count)
				: is_user(rule, authorization->uid))
			authorization->rules[authorization->count++] = *rule;
	}
	if (authorization->count > 0)
		return;
	error_setf(err, STATUS_PERMISSION, EACCES,
		   "user '%s' is not permitted to put a VM on the LAN", authorization->name);
	if (!add_login_remedy(authorization, policy, err))
		add_remedy(authorization, NULL, false, false, false, err);
}

void authorize_load(struct authorization *authorization, const char *path, uid_t uid,
		    const gid_t *groups, size_t group_count)
{
	cleanup_free struct policy *policy = calloc(1, sizeof(*policy));
	struct error *err = &authorization->refusal;
	int ret;

	memset(authorization, 0, sizeof(*authorization));
	authorization->uid = uid;
	authorization->path = path;
	if (!policy) {
		error_set_errno(err, ENOMEM, "cannot read '%s'", path);
		return;
	}
	find_name(authorization);
	ret = policy_file_read(path, policy, err);
	if (ret == -ENOENT) {
		error_setf(err, STATUS_PERMISSION, EACCES,
			   "user '%s' is not permitted to put a VM on the LAN: there is no '%s'",
			   authorization->name, path);
		add_remedy(authorization, NULL, false, false, false, err);
	} else if (ret < 0) {
		/* An invalid policy permits nothing; the error gives root its path and line. */
		err->status = STATUS_PERMISSION;
	} else {
		authorize_select(authorization, policy, groups, group_count);
	}
}

/* The first obstacle of a request in a rule; a later one is closer to a permission. */
enum obstacle {
	OBSTACLE_UPLINK,
	OBSTACLE_PROBE,
	OBSTACLE_ADDRESS,
	OBSTACLE_VMS,
	OBSTACLE_NONE,
};

static bool uplink_permitted(const struct rule *rule, const struct request *request)
{
	if (rule->any_uplink)
		return true;
	if (rule->uplink[0])
		return !strcmp(rule->uplink, request->uplink);
	return !request->named;
}

static enum obstacle find_obstacle(const struct rule *rule, const struct request *request)
{
	const uint32_t address = ntohl(request->address.s_addr);

	if (!uplink_permitted(rule, request))
		return OBSTACLE_UPLINK;
	if (request->unprobed && !rule->unprobed)
		return OBSTACLE_PROBE;
	if (!ipv4_unset(request->address) &&
	    (address < ntohl(rule->first.s_addr) || address > ntohl(rule->last.s_addr)))
		return OBSTACLE_ADDRESS;
	return request->vms >= rule->vms ? OBSTACLE_VMS : OBSTACLE_NONE;
}

static int refuse(const struct authorization *authorization, const struct request *request,
		  enum obstacle obstacle, struct error *err)
{
	char text[IPV4_TEXT_SIZE];

	switch (obstacle) {
	case OBSTACLE_UPLINK:
		error_setf(err, STATUS_PERMISSION, EACCES,
			   "user '%s' is not permitted to use uplink '%s'", authorization->name,
			   request->uplink);
		break;
	case OBSTACLE_PROBE:
		error_setf(err, STATUS_PERMISSION, EACCES,
			   "user '%s' is not permitted to use an address unprobed",
			   authorization->name);
		break;
	case OBSTACLE_ADDRESS:
		error_setf(err, STATUS_PERMISSION, EACCES,
			   "user '%s' is not permitted to use address %s on '%s'",
			   authorization->name, ipv4_text(request->address, text), request->uplink);
		break;
	case OBSTACLE_VMS:
		error_setf(err, STATUS_PERMISSION, EACCES,
			   "user '%s' is not permitted to run more than %u VM%s%s",
			   authorization->name, request->vms, request->vms == 1 ? "" : "s",
			   request->card ? "; each card on the LAN counts as a VM" : "");
		break;
	case OBSTACLE_NONE:
		return 0;
	}
	add_remedy(authorization, request, obstacle == OBSTACLE_UPLINK,
		   obstacle == OBSTACLE_ADDRESS, obstacle == OBSTACLE_VMS, err);
	return -EACCES;
}

int authorize_check(const struct authorization *authorization, const struct request *request,
		    struct error *err)
{
	enum obstacle furthest = OBSTACLE_UPLINK;

	if (!authorization)
		return 0;
	if (authorization->refusal.code) {
		*err = authorization->refusal;
		return -EACCES;
	}
	for (size_t i = 0; i < authorization->count; i++) {
		enum obstacle obstacle = find_obstacle(&authorization->rules[i], request);

		if (obstacle > furthest)
			furthest = obstacle;
	}
	return refuse(authorization, request, furthest, err);
}

static struct in_addr lower(struct in_addr a, struct in_addr b)
{
	return ntohl(a.s_addr) < ntohl(b.s_addr) ? a : b;
}

static struct in_addr higher(struct in_addr a, struct in_addr b)
{
	return ntohl(a.s_addr) > ntohl(b.s_addr) ? a : b;
}

bool authorize_bounds(const struct authorization *authorization, const struct request *request,
		      struct in_addr *first, struct in_addr *last)
{
	struct in_addr low = { INADDR_BROADCAST }, high = { INADDR_ANY };

	if (!authorization)
		return true;
	for (size_t i = 0; i < authorization->count; i++) {
		const struct rule *rule = &authorization->rules[i];
		const struct in_addr begin = higher(rule->first, *first);
		const struct in_addr end = lower(rule->last, *last);

		if (find_obstacle(rule, request) != OBSTACLE_NONE ||
		    ntohl(begin.s_addr) > ntohl(end.s_addr))
			continue;
		low = lower(low, begin);
		high = higher(high, end);
	}
	if (ntohl(low.s_addr) > ntohl(high.s_addr))
		return false;
	*first = low;
	*last = high;
	return true;
}
