// SPDX-License-Identifier: GPL-2.0-or-later
// Checks requests against policies: user, uplink, address, number, and the remedy.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/policy/authorize.h"

static struct policy policy;
static struct authorization authorization;
static struct error err;

static struct in_addr address(const char *text)
{
	struct in_addr parsed = { INADDR_ANY };

	if (text && !ipv4_parse(text, &parsed))
		fail_msg("'%s' is not an address", text);
	return parsed;
}

/* Loads a policy for the unknown user 4242 in the groups 4242 and 7. */
static void load(const char *text)
{
	const gid_t groups[] = { 4242, 7 };

	if (policy_parse(text, strlen(text), "conf", &policy, &err) < 0)
		fail_msg("%s", err.message);
	memset(&authorization, 0, sizeof(authorization));
	authorization.uid = 4242;
	authorization.path = "conf";
	strcpy(authorization.name, "alice");
	authorize_select(&authorization, &policy, groups, ARRAY_SIZE(groups));
}

#define ADD "to permit it, add this line to 'conf', as root:\n"

static void test_subject(void **state)
{
	static const struct {
		const char *policy;
		size_t count;
	} rows[] = {
		{ "", 0 },
		{ "allow user 4242", 1 },
		{ "allow user 424", 0 },
		{ "allow user 7", 0 },
		{ "allow group 7", 1 },
		{ "allow group 4242", 1 },
		{ "allow group 8", 0 },
		{ "allow user root", 0 },
		{ "allow group root", 0 },
		{ "allow user nobody-of-this-name", 0 },
		{ "allow group nobody-of-this-name", 0 },
		{ "allow user 4242 vms 1\nallow user 1\nallow group 7", 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		load(rows[i].policy);
		if (authorization.count != rows[i].count)
			fail_msg("'%s': %zu rules", rows[i].policy, authorization.count);
		assert_int_equal(authorization.refusal.code, rows[i].count ? 0 : EACCES);
	}
	load("allow user 1");
	assert_string_equal(authorization.refusal.message,
			    "user 'alice' is not permitted to put a VM on the LAN");
	assert_string_equal(authorization.refusal.remedy, ADD "allow user alice");
	assert_int_equal(authorization.refusal.status, STATUS_PERMISSION);
	assert_int_equal(
		authorize_check(&authorization, &(struct request){ .uplink = "wlan0" }, &err),
		-EACCES);
	assert_string_equal(err.message, authorization.refusal.message);
}

/* Names of users and groups that each machine has. */
static void test_names(void **state)
{
	static const char text[] = "allow user root\nallow group root";
	const gid_t groups[] = { 0 };

	assert_int_equal(policy_parse(text, strlen(text), "conf", &policy, &err), 0);
	authorization.uid = 0;
	authorize_select(&authorization, &policy, groups, 1);
	assert_int_equal(authorization.count, 2);
	authorization.uid = 1;
	authorize_select(&authorization, &policy, groups, 1);
	assert_int_equal(authorization.count, 1);
	authorize_select(&authorization, &policy, groups, 0);
	assert_int_equal(authorization.count, 0);
}

static void test_check(void **state)
{
	static const struct {
		const char *policy;
		struct request request;
		const char *address;
		const char *message; /* NULL: permitted */
		const char *remedy;
	} rows[] = {
		/* A rule without an uplink permits the one that netsetup finds, not a named one. */
		{ "allow user 4242", { .uplink = "wlan0" }, NULL, NULL, NULL },
		{ "allow user 4242",
		  { .uplink = "wlan0", .named = true },
		  NULL,
		  "user 'alice' is not permitted to use uplink 'wlan0'",
		  "allow user alice uplink wlan0" },
		{ "allow user 4242 uplink any",
		  { .uplink = "x", .named = true },
		  NULL,
		  NULL,
		  NULL },
		{ "allow user 4242 uplink any", { .uplink = "x" }, NULL, NULL, NULL },
		{ "allow user 4242 uplink eth0",
		  { .uplink = "eth0", .named = true },
		  NULL,
		  NULL,
		  NULL },
		{ "allow user 4242 uplink eth0", { .uplink = "eth0" }, NULL, NULL, NULL },
		{ "allow user 4242 uplink eth0",
		  { .uplink = "eth01" },
		  NULL,
		  "user 'alice' is not permitted to use uplink 'eth01'",
		  "allow user alice uplink eth01" },
		{ "allow user 4242 uplink eth0\nallow group 7 uplink eth1",
		  { .uplink = "eth1", .named = true },
		  NULL,
		  NULL,
		  NULL },

		/* Addresses, up to the last of the range. */
		{ "allow user 4242 address 10.0.0.4/30",
		  { .uplink = "a" },
		  "10.0.0.4",
		  NULL,
		  NULL },
		{ "allow user 4242 address 10.0.0.4/30",
		  { .uplink = "a" },
		  "10.0.0.7",
		  NULL,
		  NULL },
		{ "allow user 4242 address 10.0.0.4/30",
		  { .uplink = "a" },
		  "10.0.0.8",
		  "user 'alice' is not permitted to use address 10.0.0.8 on 'a'",
		  "allow user alice address 10.0.0.8" },
		{ "allow user 4242 address 10.0.0.4/30",
		  { .uplink = "a" },
		  "10.0.0.3",
		  "user 'alice' is not permitted to use address 10.0.0.3 on 'a'",
		  "allow user alice address 10.0.0.3" },
		{ "allow user 4242 address 250.0.0.1-250.0.0.2",
		  { .uplink = "a" },
		  "250.0.0.2",
		  NULL,
		  NULL },
		{ "allow user 4242 address 10.0.0.4/30", { .uplink = "a" }, NULL, NULL, NULL },

		/* A single rule must permit all of a request. */
		{ "allow user 4242 uplink a address 10.0.0.1\nallow user 4242 uplink b address "
		  "10.0.0.2",
		  { .uplink = "a", .named = true },
		  "10.0.0.2",
		  "user 'alice' is not permitted to use address 10.0.0.2 on 'a'",
		  "allow user alice uplink a address 10.0.0.2" },

		{ "allow user 4242 vms 2", { .uplink = "a", .vms = 1 }, NULL, NULL, NULL },
		{ "allow user 4242 vms 2",
		  { .uplink = "a", .vms = 2 },
		  NULL,
		  "user 'alice' is not permitted to run more than 2 VMs",
		  "allow user alice vms 3" },
		{ "allow user 4242 vms 1",
		  { .uplink = "a", .vms = 1 },
		  "10.0.0.1",
		  "user 'alice' is not permitted to run more than 1 VM",
		  "allow user alice vms 2" },
		{ "allow user 4242", { .uplink = "a", .vms = 7 }, NULL, NULL, NULL },
		{ "allow user 4242",
		  { .uplink = "a", .vms = 8 },
		  NULL,
		  "user 'alice' is not permitted to run more than 8 VMs",
		  "allow user alice vms 9" },

		{ "allow user 4242",
		  { .uplink = "a", .unprobed = true },
		  NULL,
		  "user 'alice' is not permitted to use an address unprobed",
		  "allow user alice unprobed" },
		{ "allow user 4242 unprobed",
		  { .uplink = "a", .unprobed = true },
		  NULL,
		  NULL,
		  NULL },
		{ "allow user 4242 unprobed", { .uplink = "a" }, NULL, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct request request = rows[i].request;
		char remedy[ERROR_REMEDY_SIZE];
		int ret;

		load(rows[i].policy);
		request.address = address(rows[i].address);
		ret = authorize_check(&authorization, &request, &err);
		if (ret != (rows[i].message ? -EACCES : 0))
			fail_msg("row %zu: %d", i, ret);
		if (ret == 0)
			continue;
		assert_string_equal(err.message, rows[i].message);
		snprintf(remedy, sizeof(remedy), ADD "%s", rows[i].remedy);
		assert_string_equal(err.remedy, remedy);
		assert_int_equal(err.status, STATUS_PERMISSION);
	}
}

/* The rule in the remedy permits the request. */
static void test_remedy(void **state)
{
	static const struct request requests[] = {
		{ .uplink = "wlan0", .named = true, .unprobed = true },
		{ .uplink = "wlan0", .vms = 20 },
		{ .uplink = "wlan0", .named = true, .address = { 0x0a000001 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		char line[ERROR_REMEDY_SIZE];

		load("allow user 4242 uplink any address 1.2.3.4 vms 3");
		if (i == 1)
			load("allow user 4242");
		strcpy(authorization.name, "4242");
		assert_int_equal(authorize_check(&authorization, &requests[i], &err), -EACCES);
		strcpy(line, strchr(err.remedy, '\n') + 1);
		load(line);
		assert_int_equal(authorize_check(&authorization, &requests[i], &err), 0);
	}
}

static void test_root(void **state)
{
	struct in_addr first = address("10.0.0.1"), last = address("10.0.0.9");
	const struct request request = {
		.uplink = "x", .named = true, .unprobed = true, .vms = 1000000
	};

	assert_int_equal(authorize_check(NULL, &request, &err), 0);
	assert_true(authorize_bounds(NULL, &request, &first, &last));
	assert_true(ipv4_equal(first, address("10.0.0.1")));
	assert_true(ipv4_equal(last, address("10.0.0.9")));
}

static void test_bounds(void **state)
{
	static const struct {
		const char *policy;
		const char *first; /* NULL: none */
		const char *last;
	} rows[] = {
		{ "allow user 4242", "10.0.0.0", "10.0.0.255" },
		{ "allow user 4242 address 10.0.0.50-10.0.0.60", "10.0.0.50", "10.0.0.60" },
		{ "allow user 4242 address 9.0.0.0-10.0.0.60", "10.0.0.0", "10.0.0.60" },
		{ "allow user 4242 address 10.0.0.50-250.0.0.0", "10.0.0.50", "10.0.0.255" },
		{ "allow user 4242 address 10.0.0.50\nallow user 4242 address 10.0.0.9", "10.0.0.9",
		  "10.0.0.50" },
		{ "allow user 4242 address 10.0.0.50\nallow user 4242 address 11.0.0.9",
		  "10.0.0.50", "10.0.0.50" },
		{ "allow user 4242 address 10.0.1.0/24", NULL, NULL },
		{ "allow user 4242 uplink b address 10.0.0.0/24", NULL, NULL },
		{ "allow user 1 address 10.0.0.0/24", NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct in_addr first = address("10.0.0.0"), last = address("10.0.0.255");
		const struct request request = { .uplink = "a" };
		char text[2][IPV4_TEXT_SIZE];

		load(rows[i].policy);
		if (authorize_bounds(&authorization, &request, &first, &last) !=
		    (rows[i].first != NULL))
			fail_msg("row %zu", i);
		if (!rows[i].first)
			continue;
		assert_string_equal(ipv4_text(first, text[0]), rows[i].first);
		assert_string_equal(ipv4_text(last, text[1]), rows[i].last);
	}
}

/* Without a policy only root is permitted. */
static void test_no_policy(void **state)
{
	authorize_load(&authorization, "/proc/nowhere/netsetup.conf", 4242, NULL, 0);
	assert_int_equal(authorization.refusal.code, EACCES);
	assert_int_equal(authorization.refusal.status, STATUS_PERMISSION);
	assert_non_null(
		strstr(authorization.refusal.message, "there is no '/proc/nowhere/netsetup.conf'"));
	assert_non_null(strstr(authorization.refusal.remedy, "\nallow user "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subject),   cmocka_unit_test(test_names),
		cmocka_unit_test(test_check),     cmocka_unit_test(test_remedy),
		cmocka_unit_test(test_root),      cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_no_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
