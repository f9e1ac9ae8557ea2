// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the guest's address on its kernel's command line.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "launcher/guest/kernel_cmdline.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/machine.h"

#define IP "ip=192.168.1.10::192.168.1.1:255.255.255.0:web::off:192.168.1.1:9.9.9.9"

static void assert_cmdline(struct machine *machine, const char *users, const char *expected)
{
	cleanup_free char *cmdline = NULL;
	struct error err;

	machine->definition.boot.cmdline = (char *)users;
	assert_int_equal(kernel_cmdline_build(&machine->plan, &cmdline, &err), 0);
	assert_string_equal(cmdline, expected);
}

static void test_added(void **state)
{
	struct machine machine;

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_CMDLINE | CONFIGURE_DHCP);
	assert_cmdline(&machine, "console=ttyS0 quiet", "console=ttyS0 quiet " IP);
	assert_cmdline(&machine, NULL, IP);
	assert_cmdline(&machine, "", IP);
	assert_cmdline(&machine, "quiet ", "quiet " IP);
	assert_cmdline(&machine, "  ", "  " IP);
}

/* The address is before "--": the kernel passes the words after it to init. */
static void test_init_arguments(void **state)
{
	struct machine machine;

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_CMDLINE);
	assert_cmdline(&machine, "quiet -- single", "quiet " IP " -- single");
	assert_cmdline(&machine, "--", IP " --");
	assert_cmdline(&machine, "a --x -- ip=dhcp", "a --x " IP " -- ip=dhcp");
	assert_cmdline(&machine, "x=\"a -- b\"", "x=\"a -- b\" " IP);
}

static void test_users_own(void **state)
{
	struct machine machine;

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_CMDLINE);
	assert_cmdline(&machine, "ip=dhcp", "ip=dhcp");
	assert_cmdline(&machine, "a ip=off b", "a ip=off b");
	assert_cmdline(&machine, "a skip=1 zip=", "a skip=1 zip= " IP);
	assert_cmdline(&machine, "x=\"a ip=b\"", "x=\"a ip=b\" " IP);
}

static void test_not_wanted(void **state)
{
	struct machine machine;

	machine_init(&machine);
	assert_cmdline(&machine, "quiet", "quiet");
	assert_cmdline(&machine, NULL, "");
	machine.definition.network.type = NETWORK_USER;
	machine.definition.network.configure = CONFIGURE_CMDLINE;
	assert_cmdline(&machine, "quiet", "quiet");
	machine_join(&machine, CONFIGURE_DHCP | CONFIGURE_CLOUD_INIT);
	assert_cmdline(&machine, "quiet", "quiet");
}

static void test_parts(void **state)
{
	struct machine machine;

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_CMDLINE);
	machine.lan.prefix_length = 30;
	machine.lan.gateway.s_addr = 0;
	machine.plan.cards[0].dns_count = 1;
	assert_cmdline(&machine, NULL, "ip=192.168.1.10:::255.255.255.252:web::off:192.168.1.1");
	machine.plan.cards[0].dns_count = 0;
	assert_cmdline(&machine, NULL, "ip=192.168.1.10:::255.255.255.252:web::off");
	machine.plan.cards[0].lan = NULL;
	machine.plan.cards[0].dns_count = 1;
	assert_cmdline(&machine, NULL, "ip=ADDRESS::GATEWAY:NETMASK:web::off:192.168.1.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_added),     cmocka_unit_test(test_init_arguments),
		cmocka_unit_test(test_users_own), cmocka_unit_test(test_not_wanted),
		cmocka_unit_test(test_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
