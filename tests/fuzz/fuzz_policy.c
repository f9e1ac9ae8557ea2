// SPDX-License-Identifier: GPL-2.0-or-later
// Feeds bytes as a policy file; rules are within bounds, errors name their line.
#include <string.h>

#include "netsetup/base/ifname.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/policy/policy.h"
#include "tests/fuzz/fuzz.h"

#define PATH "policy"

static void check(const struct rule *rule)
{
	must(memchr(rule->name, '\0', sizeof(rule->name)));
	must(!rule->uplink[0] || ifname_valid(rule->uplink));
	must(!rule->any_uplink || !rule->uplink[0]);
	must(ntohl(rule->first.s_addr) <= ntohl(rule->last.s_addr));
	must(rule->vms <= POLICY_VMS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy policy;
	struct error err;

	memset(&policy, 0xee, sizeof(policy));
	if (policy_parse((const char *)data, size, PATH, &policy, &err) < 0) {
		must(!strncmp(err.message, PATH ":", strlen(PATH ":")));
		return 0;
	}
	must(policy.count <= POLICY_RULES_MAX);
	for (size_t i = 0; i < policy.count; i++)
		check(&policy.rules[i]);
	return 0;
}
