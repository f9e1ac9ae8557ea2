// SPDX-License-Identifier: GPL-2.0-or-later
// Parses good and bad policies, and checks the owner of the file.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/policy/policy.h"
#include "netsetup/policy/policy_file.h"
#include "tests/unit/support/scratch.h"

static struct policy policy;
static struct error err;

static int parse(const char *text)
{
	memset(&err, 0, sizeof(err));
	memset(&policy, 0x55, sizeof(policy));
	return policy_parse(text, strlen(text), "conf", &policy, &err);
}

/* Writes a rule as a text, so that a row of the table shows all of it. */
static const char *rule_text(const struct rule *rule)
{
	static char text[256];
	char first[IPV4_TEXT_SIZE], last[IPV4_TEXT_SIZE];

	snprintf(text, sizeof(text), "%s %s:%u %s %s-%s %u%s", rule->group ? "group" : "user",
		 rule->name, rule->id,
		 rule->any_uplink  ? "any"
		 : rule->uplink[0] ? rule->uplink
				   : "found",
		 ipv4_text(rule->first, first), ipv4_text(rule->last, last), rule->vms,
		 rule->unprobed ? " unprobed" : "");
	return text;
}

static void test_good(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} rows[] = {
		{ "allow user alice", "user alice:0 found 0.0.0.0-255.255.255.255 8" },
		{ "allow group vmrun", "group vmrun:0 found 0.0.0.0-255.255.255.255 8" },
		{ "allow user 1000", "user :1000 found 0.0.0.0-255.255.255.255 8" },
		{ "allow group 4294967294", "group :4294967294 found 0.0.0.0-255.255.255.255 8" },
		{ "\t allow  user\talice \t", "user alice:0 found 0.0.0.0-255.255.255.255 8" },
		{ "allow user alice# and nobody else",
		  "user alice:0 found 0.0.0.0-255.255.255.255 8" },
		{ "# us\n\n   \nallow user alice\n",
		  "user alice:0 found 0.0.0.0-255.255.255.255 8" },
		{ "allow user alice uplink wlan0", "user alice:0 wlan0 0.0.0.0-255.255.255.255 8" },
		{ "allow user alice uplink any", "user alice:0 any 0.0.0.0-255.255.255.255 8" },
		{ "allow user alice address 192.168.1.9",
		  "user alice:0 found 192.168.1.9-192.168.1.9 8" },
		{ "allow user alice address 192.168.1.0/24",
		  "user alice:0 found 192.168.1.0-192.168.1.255 8" },
		{ "allow user alice address 0.0.0.0/0",
		  "user alice:0 found 0.0.0.0-255.255.255.255 8" },
		{ "allow user alice address 10.0.0.1/32",
		  "user alice:0 found 10.0.0.1-10.0.0.1 8" },
		{ "allow user alice address 192.168.1.50-192.168.1.99",
		  "user alice:0 found 192.168.1.50-192.168.1.99 8" },
		{ "allow user alice vms 1", "user alice:0 found 0.0.0.0-255.255.255.255 1" },
		{ "allow user alice vms 1000", "user alice:0 found 0.0.0.0-255.255.255.255 1000" },
		{ "allow user alice unprobed",
		  "user alice:0 found 0.0.0.0-255.255.255.255 8 unprobed" },
		{ "allow user alice vms 4 unprobed address 10.0.0.0/8 uplink eth0.5",
		  "user alice:0 eth0.5 10.0.0.0-10.255.255.255 4 unprobed" },
		{ "allow user CORP\\alice", "user CORP\\alice:0 found 0.0.0.0-255.255.255.255 8" },
		{ "allow user alice@corp.example",
		  "user alice@corp.example:0 found 0.0.0.0-255.255.255.255 8" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (parse(rows[i].text) < 0)
			fail_msg("'%s': %s", rows[i].text, err.message);
		assert_int_equal(policy.count, 1);
		assert_string_equal(rule_text(&policy.rules[0]), rows[i].expected);
	}
}

static void test_empty(void **state)
{
	assert_int_equal(parse(""), 0);
	assert_int_equal(policy.count, 0);
	assert_int_equal(parse("\n#allow user alice\n   # \n"), 0);
	assert_int_equal(policy.count, 0);
}

static void test_several(void **state)
{
	assert_int_equal(parse("allow user a\nallow group b vms 2\n\nallow user 3"), 0);
	assert_int_equal(policy.count, 3);
	assert_string_equal(rule_text(&policy.rules[1]),
			    "group b:0 found 0.0.0.0-255.255.255.255 2");
	assert_int_equal(policy.rules[2].id, 3);
}

#define LONG_NAME "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG_LINE LONG_NAME LONG_NAME LONG_NAME LONG_NAME

static void test_bad(void **state)
{
	static const struct {
		const char *text;
		const char *message;
	} rows[] = {
		{ "permit user alice",
		  "conf:1: unknown rule 'permit'; a rule begins with 'allow'" },
		{ "\n\nAllow user alice",
		  "conf:3: unknown rule 'Allow'; a rule begins with 'allow'" },
		{ "deny user bob", "conf:1: unknown rule 'deny'; a rule begins with 'allow'" },
		{ "allow", "conf:1: 'allow' needs 'user NAME' or 'group NAME'" },
		{ "allow alice", "conf:1: 'allow' needs 'user NAME' or 'group NAME'" },
		{ "allow # user alice", "conf:1: 'allow' needs 'user NAME' or 'group NAME'" },
		{ "allow user", "conf:1: 'user' needs a name or a number" },
		{ "allow group", "conf:1: 'group' needs a name or a number" },
		{ "allow user 4294967295", "conf:1: '4294967295' cannot be the name of a user" },
		{ "allow user 99999999999999999999",
		  "conf:1: '99999999999999999999' cannot be the name of a user" },
		{ "allow user al:ice", "conf:1: 'al:ice' cannot be the name of a user" },
		{ "allow group a,b", "conf:1: 'a,b' cannot be the name of a group" },
		{ "allow user al\x1b[1mice",
		  "conf:1: 'al\\x1b[1mice' cannot be the name of a user" },
		{ "allow user alice\r\n", "conf:1: 'alice\\x0d' cannot be the name of a user" },
		{ "allow user " LONG_NAME, "conf:1: '" LONG_NAME "' cannot be the name of a user" },
		{ "allow user alice bob", "conf:1: unknown word 'bob'" },
		{ "allow user alice uplnk wlan0", "conf:1: unknown word 'uplnk'" },
		{ "allow user alice uplink",
		  "conf:1: 'uplink' needs an interface's name, or 'any'" },
		{ "allow user alice uplink ../all",
		  "conf:1: '../all' cannot be the name of an interface" },
		{ "allow user alice uplink abcdefghijklmnop",
		  "conf:1: 'abcdefghijklmnop' cannot be the name of an interface" },
		{ "allow user alice uplink all",
		  "conf:1: 'all' cannot be the name of an interface" },
		{ "allow user alice uplink a uplink b", "conf:1: 'uplink' is given twice" },
		{ "allow user alice vms 1 vms 1", "conf:1: 'vms' is given twice" },
		{ "allow user alice unprobed unprobed", "conf:1: 'unprobed' is given twice" },
		{ "allow user alice address",
		  "conf:1: 'address' needs an address, a subnet or a range" },
		{ "allow user alice address any",
		  "conf:1: 'any' is not an address, a subnet or a range" },
		{ "allow user alice address 192.168.1",
		  "conf:1: '192.168.1' is not an address, a subnet or a range" },
		{ "allow user alice address 192.168.1.256",
		  "conf:1: '192.168.1.256' is not an address, a subnet or a range" },
		{ "allow user alice address fe80::1",
		  "conf:1: 'fe80::1' is not an address, a subnet or a range" },
		{ "allow user alice address 192.168.1.0/33",
		  "conf:1: '192.168.1.0/33' is not a subnet" },
		{ "allow user alice address 192.168.1.0/",
		  "conf:1: '192.168.1.0/' is not a subnet" },
		{ "allow user alice address 192.168.1.0/-1",
		  "conf:1: '192.168.1.0/-1' is not a subnet" },
		{ "allow user alice address /24", "conf:1: '/24' is not a subnet" },
		{ "allow user alice address 192.168.1.5/24",
		  "conf:1: '192.168.1.5/24' has bits beyond its prefix; the subnet is "
		  "'192.168.1.0/24'" },
		{ "allow user alice address 10.0.0.9-",
		  "conf:1: '10.0.0.9-' is not a range of addresses" },
		{ "allow user alice address 10.0.0.1-10.0.0.2-10.0.0.3",
		  "conf:1: '10.0.0.1-10.0.0.2-10.0.0.3' is not a range of addresses" },
		{ "allow user alice address 10.0.0.9-10.0.0.1",
		  "conf:1: range '10.0.0.9-10.0.0.1' ends before it begins" },
		{ "allow user alice vms", "conf:1: 'vms' needs a number" },
		{ "allow user alice vms 0", "conf:1: '0' is not a number of VMs, 1 to 1000" },
		{ "allow user alice vms 1001", "conf:1: '1001' is not a number of VMs, 1 to 1000" },
		{ "allow user alice vms -1", "conf:1: '-1' is not a number of VMs, 1 to 1000" },
		{ "allow user alice vms 0x4", "conf:1: '0x4' is not a number of VMs, 1 to 1000" },
		{ "allow user a\nallow user b vms x\nallow user",
		  "conf:2: 'x' is not a number of VMs, 1 to 1000" },
		{ LONG_LINE, "conf:1: longer than 255 characters" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (parse(rows[i].text) != -EINVAL)
			fail_msg("'%s' was accepted", rows[i].text);
		assert_string_equal(err.message, rows[i].message);
		assert_int_equal(err.status, STATUS_PERMISSION);
	}
}

/* A comment may have any length. */
static void test_long_comment(void **state)
{
	assert_int_equal(parse("allow user alice # " LONG_LINE), 0);
	assert_int_equal(policy.count, 1);
}

static void test_nul(void **state)
{
	static const char text[] = "allow user alice\0 uplink any";

	assert_int_equal(policy_parse(text, sizeof(text) - 1, "conf", &policy, &err), -EINVAL);
	assert_string_equal(err.message, "conf:1: not a text");
}

static void test_bounds(void **state)
{
	static const char line[] = "allow user alice\n";
	static char text[POLICY_SIZE_MAX + 1];

	for (size_t i = 0; i < POLICY_RULES_MAX + 1; i++)
		memcpy(text + i * strlen(line), line, strlen(line));
	assert_int_equal(policy_parse(text, POLICY_RULES_MAX * strlen(line), "conf", &policy, &err),
			 0);
	assert_int_equal(policy.count, POLICY_RULES_MAX);
	assert_int_equal(
		policy_parse(text, (POLICY_RULES_MAX + 1) * strlen(line), "conf", &policy, &err),
		-EINVAL);
	assert_string_equal(err.message, "conf:129: more than 128 rules");

	memset(text, '\n', sizeof(text));
	assert_int_equal(policy_parse(text, sizeof(text) - 1, "conf", &policy, &err), 0);
	assert_int_equal(policy_parse(text, sizeof(text), "conf", &policy, &err), -EINVAL);
	assert_string_equal(err.message, "'conf' is larger than 65536 bytes");
}

/* Each text truncated at each position; reading beyond its end is a failure. */
static void test_cut(void **state)
{
	static const char text[] = "allow user alice uplink wlan0 address 192.168.1.0/24 vms 4\n"
				   "allow group 7 address 10.0.0.1-10.0.0.9 unprobed # x";

	for (size_t size = 0; size < sizeof(text); size++) {
		/* AddressSanitizer reports an access behind the end of the copy. */
		char *exact = malloc(size ? size : 1);

		memcpy(exact, text, size);
		policy_parse(exact, size, "conf", &policy, &err);
		assert_true(policy.count <= 2);
		free(exact);
	}
}

/* Reading the file. */

static int read_file(void)
{
	memset(&err, 0, sizeof(err));
	return policy_file_read(scratch_path("etc/netsetup.conf"), &policy, &err);
}

static void write_file(void)
{
	scratch_need(geteuid() == 0);
	scratch_text("etc/netsetup.conf", "allow user alice\n");
	chmod(scratch_path("etc/netsetup.conf"), 0644);
}

static void test_file(void **state)
{
	write_file();
	assert_int_equal(read_file(), 0);
	assert_int_equal(policy.count, 1);
	scratch_text("etc/netsetup.conf", "# nobody\nallow\n");
	assert_int_equal(read_file(), -EINVAL);
	assert_non_null(strstr(err.message, "/etc/netsetup.conf:2: 'allow' needs"));
	remove(scratch_path("etc/netsetup.conf"));
	assert_int_equal(read_file(), -ENOENT);
	remove(scratch_path("etc"));
	assert_int_equal(read_file(), -ENOENT);
}

/* Files of a wrong owner, mode or type are refused by name. */
static void test_file_of_others(void **state)
{
	static const struct {
		const char *path;
		mode_t mode;
		uid_t uid;
	} rows[] = {
		{ "etc/netsetup.conf", 0664, 0 },
		{ "etc/netsetup.conf", 0646, 0 },
		{ "etc/netsetup.conf", 0644, 65534 },
		{ "etc/netsetup.conf", 0600, 65534 },
		{ "etc", 0775, 0 },
		{ "etc", 0757, 0 },
		{ "etc", 0755, 65534 },
		{ ".", 0777, 0 },
		{ ".", 0700, 65534 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char expected[PATH_MAX];

		write_file();
		chmod(scratch_path("etc"), 0755);
		assert_int_equal(read_file(), 0);
		assert_int_equal(chown(scratch_path(rows[i].path), rows[i].uid, 0), 0);
		assert_int_equal(chmod(scratch_path(rows[i].path), rows[i].mode), 0);
		if (read_file() != -EPERM)
			fail_msg("row %zu was accepted", i);
		snprintf(expected, sizeof(expected), "others than root can change '%s'",
			 rows[i].path[0] == '.' ? scratch : scratch_path(rows[i].path));
		assert_string_equal(err.message, expected);
		assert_non_null(strstr(err.remedy, "chmod go-w"));
		assert_int_equal(err.status, STATUS_PERMISSION);
		assert_int_equal(chown(scratch_path(rows[i].path), 0, 0), 0);
		assert_int_equal(chmod(scratch, 0700), 0);
	}
}

static void test_no_file(void **state)
{
	write_file();
	remove(scratch_path("etc/netsetup.conf"));
	assert_int_equal(symlink("/dev/null", scratch_path("etc/netsetup.conf")), 0);
	assert_int_equal(read_file(), -ELOOP);
	remove(scratch_path("etc/netsetup.conf"));
	assert_int_equal(mkfifo(scratch_path("etc/netsetup.conf"), 0600), 0);
	assert_int_equal(read_file(), -EINVAL);
	assert_non_null(strstr(err.message, "is not a file"));
	remove(scratch_path("etc/netsetup.conf"));
	assert_int_equal(mkdir(scratch_path("etc/netsetup.conf"), 0755), 0);
	assert_int_equal(read_file(), -EINVAL);
	assert_int_equal(rename(scratch_path("etc"), scratch_path("other")), 0);
	assert_int_equal(symlink("other", scratch_path("etc")), 0);
	assert_true(read_file() < 0);
	assert_non_null(strstr(err.message, "/etc'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_long_comment),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_cut),
		cmocka_unit_test_setup_teardown(test_file, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_file_of_others, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_no_file, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
