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

/* Size of an entry of passwd(5) or group(5); a group may have very many members. */
#define ENTRY_SIZE (1 << 20)

struct request authorize_request(const struct setup_record *setup, const struct uplink *uplink)
{
	return (struct request){ .uplink = uplink->ifname,
				 .named = setup->uplink[0] != '\0',
				 .unprobed = setup->probe == PROBE_NONE };
}

/* Finds the client's name for messages, whose remedy is a line for the policy. */
static void find_name(struct authorization *authorization, char *buffer)
{
	struct passwd entry, *found = NULL;

	snprintf(authorization->name, sizeof(authorization->name), "%u",
		 (unsigned int)authorization->uid);
	if (getpwuid_r(authorization->uid, &entry, buffer, ENTRY_SIZE, &found) == 0 && found &&
	    strlen(found->pw_name) < sizeof(authorization->name))
		memcpy(authorization->name, found->pw_name, strlen(found->pw_name) + 1);
}

static bool is_user(const struct rule *rule, uid_t uid, char *buffer)
{
	struct passwd entry, *found = NULL;

	if (!rule->name[0])
		return rule->id == uid;
	return getpwnam_r(rule->name, &entry, buffer, ENTRY_SIZE, &found) == 0 && found &&
	       found->pw_uid == uid;
}

static bool is_member(const struct rule *rule, const gid_t *groups, size_t count, char *buffer)
{
	struct group entry, *found = NULL;
	gid_t gid = rule->id;

	if (rule->name[0]) {
		if (getgrnam_r(rule->name, &entry, buffer, ENTRY_SIZE, &found) != 0 || !found)
			return false;
		gid = found->gr_gid;
	}
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
			     char *buffer, struct error *err)
{
	size_t count;
	cleanup_free gid_t *groups = membership_groups(authorization->uid, &count);
	char text[16];

	for (size_t i = 0; groups && i < policy->count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (!rule->group || !is_member(rule, groups, count, buffer))
			continue;
		snprintf(text, sizeof(text), "%u", (unsigned int)rule->id);
		membership_add_remedy(authorization->uid, rule->name[0] ? rule->name : text, true,
				      err);
		return true;
	}
	return false;
}

void authorize_select(struct authorization *authorization, const struct policy *policy,
		      const gid_t *groups, size_t group_count)
{
	cleanup_free char *buffer = malloc(ENTRY_SIZE);
	struct error *err = &authorization->refusal;

	authorization->count = 0;
	for (size_t i = 0; buffer && i < policy->count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (rule->group ? is_member(rule, groups, group_count, buffer)
				: is_user(rule, authorization->uid, buffer))
			authorization->rules[authorization->count++] = *rule;
	}
	if (authorization->count > 0)
		return;
	error_setf(err, STATUS_PERMISSION, EACCES,
		   "user '%s' is not permitted to put a VM on the LAN", authorization->name);
	if (!buffer || !add_login_remedy(authorization, policy, buffer, err))
		add_remedy(authorization, NULL, false, false, false, err);
}

void authorize_load(struct authorization *authorization, const char *path, uid_t uid,
		    const gid_t *groups, size_t group_count)
{
	cleanup_free struct policy *policy = calloc(1, sizeof(*policy));
	cleanup_free char *buffer = malloc(ENTRY_SIZE);
	struct error *err = &authorization->refusal;
	int ret;

	memset(authorization, 0, sizeof(*authorization));
	authorization->uid = uid;
	authorization->path = path;
	if (!policy || !buffer) {
		error_set_errno(err, ENOMEM, "cannot read '%s'", path);
		return;
	}
	find_name(authorization, buffer);
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
			   "user '%s' is not permitted to run more than %u VM%s",
			   authorization->name, request->vms, request->vms == 1 ? "" : "s");
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
