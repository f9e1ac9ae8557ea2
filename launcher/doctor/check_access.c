// SPDX-License-Identifier: GPL-2.0-or-later
// Checks that the access point passes the addresses of running VMs.
#include "launcher/doctor/check_access.h"

#include <stdio.h>
#include <string.h>

#include "launcher/run/vm_list.h"

/**
 * struct seen - sums of the statuses of all VMs.
 * @passed, @unknown: numbers of cards.
 * @bad: a line for each other card.
 */
struct seen {
	unsigned int passed;
	unsigned int unknown;
	char bad[ERROR_MESSAGE_SIZE];
};

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value = json_object_object_get(object, key);

	return value ? json_object_get_string(value) : "";
}

static void see_card(const char *vm, struct json_object *card, struct seen *seen)
{
	const char *word = text_of(card, "access"), *reason = text_of(card, "access-reason");
	const size_t used = strlen(seen->bad);

	if (reason[0])
		snprintf(seen->bad + used, sizeof(seen->bad) - used, "%s%s: %s", used ? "\n" : "",
			 vm, reason);
	else if (!strcmp(word, "unknown"))
		seen->unknown++;
	else if (word[0])
		seen->passed++;
}

static void see_vms(struct json_object *vms, struct seen *seen)
{
	for (size_t i = 0; i < json_object_array_length(vms); i++) {
		struct json_object *vm = json_object_array_get_idx(vms, i);
		struct json_object *cards = json_object_object_get(vm, "networks");

		for (size_t k = 0; cards && k < json_object_array_length(cards); k++)
			see_card(text_of(vm, "name"), json_object_array_get_idx(cards, k), seen);
	}
}

/* The router was asked when each VM was put on the LAN: this check sends nothing. */
enum severity check_access(struct check *check, struct error *finding)
{
	struct json_object *vms = NULL;
	struct seen seen = { 0 };

	if (vm_list_all(&vms, finding) < 0)
		return SEVERITY_WARN;
	see_vms(vms, &seen);
	json_object_put(vms);
	if (seen.bad[0]) {
		check_finding(finding, SEVERITY_WARN, "%s", seen.bad);
		error_remedy(finding, "see vmrun(1), LIMITATIONS");
		return SEVERITY_WARN;
	}
	if (seen.passed)
		return check_finding(finding, SEVERITY_OK,
				     "the router answers the addresses of this user's VMs");
	if (seen.unknown)
		return check_finding(finding, SEVERITY_NOTE,
				     "the router answers no ping, or was not asked");
	return check_finding(finding, SEVERITY_OK, "no VM of this user is on the LAN");
}
