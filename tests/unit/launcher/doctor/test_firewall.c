// SPDX-License-Identifier: GPL-2.0-or-later
// Tests which firewalls are found without the right to read the kernel's rules.
#include <cap-ng.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/doctor/firewall.h"
#include "tests/unit/support/scratch.h"

enum seen {
	SEEN_UFW = 1,
	SEEN_FIREWALLD = 2,
	SEEN_RULES = 4,
	FAILED = 99,
};

/* Looks in a child without capabilities, to which the kernel does not show its rules. */
static int look(void)
{
	struct firewall firewall;
	int status;
	pid_t child = fork();

	if (child == 0) {
		capng_clear(CAPNG_SELECT_CAPS);
		if (capng_apply(CAPNG_SELECT_CAPS) != 0)
			_exit(FAILED);
		firewall_look(scratch, &firewall);
		_exit((firewall.ufw ? SEEN_UFW : 0) | (firewall.firewalld ? SEEN_FIREWALLD : 0) |
		      (firewall.readable ? SEEN_RULES : 0));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_none(void **state)
{
	assert_int_equal(look(), 0);
}

static void test_ufw(void **state)
{
	scratch_text("etc/ufw/ufw.conf", "# comment\nENABLED=no\nLOGLEVEL=low\n");
	scratch_text("etc/default/ufw", "IPV6=yes\nDEFAULT_FORWARD_POLICY=\"DROP\"\n");
	assert_int_equal(look(), 0);
	scratch_text("etc/ufw/ufw.conf", "# comment\n ENABLED = yes  # now\nLOGLEVEL=low\n");
	assert_int_equal(look(), SEEN_UFW);
	scratch_text("etc/default/ufw", "DEFAULT_FORWARD_POLICY=\"ACCEPT\"\n");
	assert_int_equal(look(), 0);
}

static void test_firewalld(void **state)
{
	scratch_text("sys/fs/cgroup/system.slice/firewalld.service/cgroup.procs", "");
	assert_int_equal(look(), SEEN_FIREWALLD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_none, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_ufw, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_firewalld, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
