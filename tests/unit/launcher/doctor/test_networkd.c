// SPDX-License-Identifier: GPL-2.0-or-later
// Tests which of systemd-networkd's files would configure a tap.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "launcher/doctor/networkd.h"
#include "tests/unit/support/scratch.h"

/* Checks the path of this file below the scratch directory; "" for none. */
static void assert_managed_by(const char *expected)
{
	char file[NETWORKD_PATH_SIZE] = "";
	const bool managed = networkd_manages(scratch, "vmr-x", file);

	assert_int_equal(managed, expected[0] != '\0');
	if (managed)
		assert_string_equal(file + strlen(scratch), expected);
}

static void test_runs(void **state)
{
	static const char *const units[] = {
		"sys/fs/cgroup/system.slice/systemd-networkd.service/cgroup.procs",
		"sys/fs/cgroup/unified/system.slice/systemd-networkd.service/cgroup.procs",
		"sys/fs/cgroup/systemd/system.slice/systemd-networkd.service/cgroup.procs",
	};

	/* This is there at every boot. */
	scratch_text("run/systemd/netif/state", "");
	assert_false(networkd_runs(scratch));
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		scratch_text(units[i], "");
		assert_true(networkd_runs(scratch));
		scratch_teardown(state);
		scratch_setup(state);
	}
}

static void test_state(void **state)
{
	static const struct {
		const char *text;
		enum networkd_state state;
	} rows[] = {
		{ "", NETWORKD_UNKNOWN },
		{ "# This is private data.\nADMIN_STATE=unmanaged\nOPER_STATE=carrier\n",
		  NETWORKD_UNMANAGED },
		{ "NETWORK_FILE=/run/a.network\nADMIN_STATE=configuring\n", NETWORKD_MANAGED },
		{ "ADMIN_STATE=configured\nNETWORK_FILE=/run/a.network\n", NETWORKD_MANAGED },
	};
	char file[NETWORKD_PATH_SIZE];

	assert_int_equal(networkd_state(scratch, 7, file), NETWORKD_UNKNOWN);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		scratch_text("run/systemd/netif/links/7", rows[i].text);
		assert_int_equal(networkd_state(scratch, 7, file), rows[i].state);
		if (rows[i].state == NETWORKD_MANAGED)
			assert_string_equal(file, "/run/a.network");
	}
}

static void test_match(void **state)
{
	static const struct {
		const char *text;
		bool managed;
	} rows[] = {
		{ "[Match]\nName=*\n", true },
		{ "[Match]\nName=en* vmr-*\n[Network]\nDHCP=yes\n", true },
		{ "# all\n[Match]\nType=ether\n", true },
		{ "[Match]\nName = vmr-x\n", true },
		{ "[Match]\nName=!en* wl*\n", true },
		{ "[Match]\nName=!vmr-*\n", false },
		{ "[Match]\nName=en*\n", false },
		{ "[Match]\nName=*\nType=wlan\n", false },
		{ "[Match]\nName=*\nMACAddress=02:00:00:00:00:01\n", false },
		{ "[Match]\n#Name=*\n", false },
		{ "[Network]\nName=*\n", false },
		{ "[Match]\nName=*\n[Link]\nUnmanaged=yes\n", false },
		{ "[Match]\nName=*\n[Link]\nUnmanaged=no\n", true },
		{ "", false },
	};

	assert_managed_by("");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		scratch_text("etc/systemd/network/50-x.network", rows[i].text);
		assert_managed_by(rows[i].managed ? "/etc/systemd/network/50-x.network" : "");
	}
}

static void test_precedence(void **state)
{
	scratch_text("etc/systemd/network/50-x.network", "[Match]\nName=*\n");
	scratch_text("usr/lib/systemd/network/40-x.network", "[Match]\nName=vmr-*\n");
	assert_managed_by("/usr/lib/systemd/network/40-x.network");
	/* The file's name decides the order, not its directory. */
	scratch_text("run/systemd/network/30-x.network",
		     "[Match]\nName=vmr-*\n[Link]\nUnmanaged=yes\n");
	assert_managed_by("");
	/* A file in /etc replaces one of the same name elsewhere, even if it does not match. */
	scratch_text("etc/systemd/network/30-x.network", "[Match]\nName=en*\n");
	assert_managed_by("/usr/lib/systemd/network/40-x.network");
	scratch_text("etc/systemd/network/10-x.link", "[Match]\nName=*\n[Link]\nUnmanaged=yes\n");
	assert_managed_by("/usr/lib/systemd/network/40-x.network");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_runs, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_state, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_match, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_precedence, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
