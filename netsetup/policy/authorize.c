// SPDX-License-Identifier: GPL-2.0-or-later
// What one asker is permitted: the part of the policy that is about them.
#include "netsetup/policy/authorize.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/policy/policy_file.h"

/* Entries of passwd(5) and group(5); a group may have very many members. */
#define ENTRY_SIZE (1 << 20)

struct wish permit_wish(const struct setup_record *setup, const struct uplink *uplink)
{
	return (struct wish){ .uplink = uplink->ifname,
			      .named = setup->uplink[0] != '\0',
			      .unprobed = setup->probe == PROBE_NONE };
}

/* The name as it is shown, and written into the policy by who follows our advice. */
static void find_name(struct permit *permit, char *space)
{
	struct passwd entry, *found = NULL;

	snprintf(permit->name, sizeof(permit->name), "%u", (unsigned int)permit->uid);
	if (getpwuid_r(permit->uid, &entry, space, ENTRY_SIZE, &found) == 0 && found &&
	    strlen(found->pw_name) < sizeof(permit->name))
		memcpy(permit->name, found->pw_name, strlen(found->pw_name) + 1);
}

static bool is_user(const struct statement *statement, uid_t uid, char *space)
{
	struct passwd entry, *found = NULL;

	if (!statement->name[0])
		return statement->id == uid;
	return getpwnam_r(statement->name, &entry, space, ENTRY_SIZE, &found) == 0 && found &&
	       found->pw_uid == uid;
}

static bool is_member(const struct statement *statement, const gid_t *groups, size_t count,
		      char *space)
{
	struct group entry, *found = NULL;
	gid_t gid = statement->id;

	if (statement->name[0]) {
		if (getgrnam_r(statement->name, &entry, space, ENTRY_SIZE, &found) != 0 || !found)
			return false;
		gid = found->gr_gid;
	}
	for (size_t i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* The line that would permit a wish; what it has to name is what the wish names. */
static void add_remedy(const struct permit *permit, const struct wish *wish, bool uplink,
		       bool address, bool vms, struct error *err)
{
	char number[16] = "", text[IPV4_TEXT_SIZE] = "";

	uplink = uplink || (wish && wish->named);
	if (vms)
		snprintf(number, sizeof(number), "%u", wish->vms + 1);
	if (address)
		ipv4_text(wish->address, text);
	error_remedy(err, "to permit it, add this line to '%s', as root:", permit->path);
	error_remedy(err, "allow user %s%s%s%s%s%s%s%s", permit->name, uplink ? " uplink " : "",
		     uplink ? wish->uplink : "", address ? " address " : "", text,
		     vms ? " vms " : "", number, wish && wish->unprobed ? " unprobed" : "");
}

void permit_select(struct permit *permit, const struct policy *policy, const gid_t *groups,
		   size_t group_count)
{
	cleanup_free char *space = malloc(ENTRY_SIZE);
	struct error *err = &permit->refusal;

	permit->count = 0;
	for (size_t i = 0; space && i < policy->count; i++) {
		const struct statement *statement = &policy->statements[i];

		if (statement->group ? is_member(statement, groups, group_count, space)
				     : is_user(statement, permit->uid, space))
			permit->statements[permit->count++] = *statement;
	}
	if (permit->count > 0)
		return;
	error_say(err, STATUS_PERMISSION, EACCES,
		  "user '%s' is not permitted to put a VM on the LAN", permit->name);
	add_remedy(permit, NULL, false, false, false, err);
}

void permit_load(struct permit *permit, const char *path, uid_t uid, const gid_t *groups,
		 size_t group_count)
{
	cleanup_free struct policy *policy = calloc(1, sizeof(*policy));
	cleanup_free char *space = malloc(ENTRY_SIZE);
	struct error *err = &permit->refusal;
	int rc;

	memset(permit, 0, sizeof(*permit));
	permit->uid = uid;
	permit->path = path;
	if (!policy || !space) {
		error_set(err, ENOMEM, "cannot read '%s'", path);
		return;
	}
	find_name(permit, space);
	rc = policyfile_read(path, policy, err);
	if (rc == -ENOENT) {
		error_say(err, STATUS_PERMISSION, EACCES,
			  "user '%s' is not permitted to put a VM on the LAN: there is no '%s'",
			  permit->name, path);
		add_remedy(permit, NULL, false, false, false, err);
	} else if (rc < 0) {
		/* With a mistake in it, it permits nothing; that, and where, is for root to mend. */
		err->status = STATUS_PERMISSION;
	} else {
		permit_select(permit, policy, groups, group_count);
	}
}

/* What a statement does not permit of a wish; the later, the closer it came. */
enum obstacle {
	OBSTACLE_UPLINK,
	OBSTACLE_PROBE,
	OBSTACLE_ADDRESS,
	OBSTACLE_VMS,
	OBSTACLE_NONE,
};

static bool uplink_permitted(const struct statement *statement, const struct wish *wish)
{
	if (statement->any_uplink)
		return true;
	if (statement->uplink[0])
		return !strcmp(statement->uplink, wish->uplink);
	return !wish->named;
}

static enum obstacle find_obstacle(const struct statement *statement, const struct wish *wish)
{
	const uint32_t address = ntohl(wish->address.s_addr);

	if (!uplink_permitted(statement, wish))
		return OBSTACLE_UPLINK;
	if (wish->unprobed && !statement->unprobed)
		return OBSTACLE_PROBE;
	if (!ipv4_unset(wish->address) &&
	    (address < ntohl(statement->first.s_addr) || address > ntohl(statement->last.s_addr)))
		return OBSTACLE_ADDRESS;
	return wish->vms >= statement->vms ? OBSTACLE_VMS : OBSTACLE_NONE;
}

static int refuse(const struct permit *permit, const struct wish *wish, enum obstacle obstacle,
		  struct error *err)
{
	char text[IPV4_TEXT_SIZE];

	switch (obstacle) {
	case OBSTACLE_UPLINK:
		error_say(err, STATUS_PERMISSION, EACCES,
			  "user '%s' is not permitted to use uplink '%s'", permit->name,
			  wish->uplink);
		break;
	case OBSTACLE_PROBE:
		error_say(err, STATUS_PERMISSION, EACCES,
			  "user '%s' is not permitted to use an address unprobed", permit->name);
		break;
	case OBSTACLE_ADDRESS:
		error_say(err, STATUS_PERMISSION, EACCES,
			  "user '%s' is not permitted to use address %s on '%s'", permit->name,
			  ipv4_text(wish->address, text), wish->uplink);
		break;
	case OBSTACLE_VMS:
		error_say(err, STATUS_PERMISSION, EACCES,
			  "user '%s' is not permitted to run more than %u VM%s", permit->name,
			  wish->vms, wish->vms == 1 ? "" : "s");
		break;
	case OBSTACLE_NONE:
		return 0;
	}
	add_remedy(permit, wish, obstacle == OBSTACLE_UPLINK, obstacle == OBSTACLE_ADDRESS,
		   obstacle == OBSTACLE_VMS, err);
	return -EACCES;
}

int permit_check(const struct permit *permit, const struct wish *wish, struct error *err)
{
	enum obstacle furthest = OBSTACLE_UPLINK;

	if (!permit)
		return 0;
	if (permit->refusal.code) {
		*err = permit->refusal;
		return -EACCES;
	}
	for (size_t i = 0; i < permit->count; i++) {
		enum obstacle obstacle = find_obstacle(&permit->statements[i], wish);

		if (obstacle > furthest)
			furthest = obstacle;
	}
	return refuse(permit, wish, furthest, err);
}

static struct in_addr lower(struct in_addr a, struct in_addr b)
{
	return ntohl(a.s_addr) < ntohl(b.s_addr) ? a : b;
}

static struct in_addr higher(struct in_addr a, struct in_addr b)
{
	return ntohl(a.s_addr) > ntohl(b.s_addr) ? a : b;
}

bool permit_bounds(const struct permit *permit, const struct wish *wish, struct in_addr *first,
		   struct in_addr *last)
{
	struct in_addr low = { INADDR_BROADCAST }, high = { INADDR_ANY };

	if (!permit)
		return true;
	for (size_t i = 0; i < permit->count; i++) {
		const struct statement *statement = &permit->statements[i];
		const struct in_addr begin = higher(statement->first, *first);
		const struct in_addr end = lower(statement->last, *last);

		if (find_obstacle(statement, wish) != OBSTACLE_NONE ||
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
