// SPDX-License-Identifier: GPL-2.0-or-later
// Tests what the neighbour table says of the access point.
#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "launcher/doctor/check_lan.h"
#include "tests/unit/support/namespace.h"

static enum severity judge(struct error *finding)
{
	struct check check = { .uplink = { .ifname = "e0", .wireless = true } };

	check.uplink.ifindex = if_nametoindex("e0");
	assert_true(ipv4_parse("192.168.7.1", &check.uplink.router));
	*finding = (struct error){ 0 };
	return check_lan_stations(&check, finding);
}

static void neighbour(const char *address, const char *state)
{
	char command[160];

	snprintf(command, sizeof(command),
		 "ip neigh replace %s lladdr 02:00:00:00:00:07 dev e0 nud %s", address, state);
	assert_int_equal(namespace_run(command), 0);
}

/* Isolation is a silent station while the router answers; one that answers shows there is none. */
static void stations(void)
{
	struct error finding;

	assert_int_equal(judge(&finding), SEVERITY_NOTE);
	/* An entry that root has set, or one for a proxied address, is no station's answer. */
	neighbour("192.168.7.30", "permanent");
	assert_int_equal(namespace_run("ip neigh add proxy 192.168.7.31 dev e0"), 0);
	assert_int_equal(judge(&finding), SEVERITY_NOTE);
	neighbour("192.168.7.20", "failed");
	assert_int_equal(judge(&finding), SEVERITY_NOTE);
	neighbour("192.168.7.1", "reachable");
	assert_int_equal(judge(&finding), SEVERITY_WARN);
	assert_non_null(strstr(finding.message, "of 1 asked"));
	neighbour("192.168.7.1", "failed");
	assert_int_equal(judge(&finding), SEVERITY_NOTE);
	neighbour("192.168.7.1", "stale");
	assert_int_equal(judge(&finding), SEVERITY_WARN);
	neighbour("192.168.7.21", "stale");
	assert_int_equal(judge(&finding), SEVERITY_OK);
}

static void test_stations(void **state)
{
	namespace_test(stations);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_stations) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
