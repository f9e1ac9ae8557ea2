// SPDX-License-Identifier: GPL-2.0-or-later
// Tests which files a VM's QEMU may open.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/qemu/qemu_confine.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/machine.h"
#include "tests/unit/support/scratch.h"

static struct machine machine;

static int setup(void **state)
{
	const int ret = scratch_setup(state);

	machine_init(&machine);
	machine.definition.directory = scratch;
	setenv("XAUTHORITY", scratch_path("cookie"), 1);
	return ret;
}

/* Returns 0 if a QEMU of the machine can open a file, else the error. */
static int opens(const char *name, int flags)
{
	struct confinement confinement;
	struct error err;
	int status;
	pid_t pid;

	if (qemu_confine(&machine.plan, &confinement, &err) < 0)
		fail_msg("%s", err.message);
	pid = fork();
	if (pid == 0) {
		if (confinement_enter(&confinement) < 0)
			_exit(255);
		_exit(open(name[0] == '/' ? name : scratch_path(name), flags, 0600) < 0 ? errno
											: 0);
	}
	confinement_done(&confinement);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_disks(void **state)
{
	scratch_need(ruleset_version() > 0);
	scratch_text("base", "x");
	scratch_text("overlay", "x");
	scratch_text("image.iso", "x");
	scratch_text("beside", "x");
	machine_add_disk(&machine, scratch_path("base"), DISK_OVERLAY, DISK_FORMAT_QCOW2);
	machine.plan.disk_paths[0] = scratch_path("overlay");
	machine_add_disk(&machine, scratch_path("image.iso"), DISK_READONLY, DISK_FORMAT_RAW);

	assert_int_equal(opens("overlay", O_RDWR), 0);
	assert_int_equal(opens("base", O_RDONLY), 0);
	assert_int_equal(opens("base", O_RDWR), EACCES);
	assert_int_equal(opens("image.iso", O_RDONLY), 0);
	assert_int_equal(opens("image.iso", O_RDWR), EACCES);
	assert_int_equal(opens("beside", O_RDONLY), EACCES);
	assert_int_equal(opens("new", O_RDWR | O_CREAT), EACCES);
}

static void test_boot(void **state)
{
	scratch_need(ruleset_version() > 0);
	scratch_text("kernel", "x");
	scratch_text("code", "x");
	scratch_text("variables", "x");
	scratch_text("ignition", "x");
	machine.definition.boot.kernel = (char *)scratch_path("kernel");
	machine.plan.uefi_code = scratch_path("code");
	machine.plan.uefi_variables = scratch_path("variables");

	assert_int_equal(opens("kernel", O_RDONLY), 0);
	assert_int_equal(opens("code", O_RDONLY), 0);
	assert_int_equal(opens("code", O_RDWR), EACCES);
	assert_int_equal(opens("variables", O_RDWR), 0);
	assert_int_equal(opens("ignition", O_RDONLY), EACCES);
}

static void test_shares(void **state)
{
	struct share *shares = machine.definition.shares;

	scratch_need(ruleset_version() > 0);
	scratch_text("own/file", "x");
	scratch_text("given/file", "x");
	shares[0] = (struct share){ .path = strdup(scratch_path("own")), .driver = SHARE_9P };
	shares[1] = (struct share){ .path = strdup(scratch_path("given")), .readonly = true };
	machine.definition.share_count = 2;

	assert_int_equal(opens("own/new", O_RDWR | O_CREAT), 0);
	assert_int_equal(opens("given/file", O_RDONLY), 0);
	assert_int_equal(opens("given/file", O_RDWR), EACCES);
	free(shares[0].path);
	free(shares[1].path);
}

static void set_argument(const char *argument)
{
	machine.definition.qemu.args[0] = (char *)argument;
	machine.definition.qemu.arg_count = 1;
}

/* The files of the host that a key needs, and without it are denied. */
static void test_needs(void **state)
{
	scratch_need(ruleset_version() > 0);
	scratch_text("cookie", "x");
	assert_int_equal(opens("/etc/passwd", O_RDONLY), EACCES);
	assert_int_equal(opens("cookie", O_RDONLY), EACCES);
	machine.definition.network.type = NETWORK_USER;
	assert_int_equal(opens("/etc/passwd", O_RDONLY), 0);
	assert_int_equal(opens("/etc/passwd", O_RDWR), EACCES);
	machine.definition.network.type = NETWORK_NONE;
	set_argument("user,id=n0");
	assert_int_equal(opens("/etc/passwd", O_RDONLY), 0);
	set_argument("users");
	assert_int_equal(opens("/etc/passwd", O_RDONLY), EACCES);
	machine.definition.display = DISPLAY_GTK;
	assert_int_equal(opens("cookie", O_RDONLY), 0);
	assert_int_equal(opens("/etc/passwd", O_RDONLY), 0);
}

/* Each way in which an argument names a file, and each in which it does not. */
static void test_arguments(void **state)
{
	scratch_need(ruleset_version() > 0);
	scratch_text("drive.raw", "x");
	scratch_text("names/file", "x");

	set_argument("file=drive.raw,format=raw");
	assert_int_equal(opens("drive.raw", O_RDWR), 0);
	assert_int_equal(opens("names/file", O_RDWR), EACCES);
	set_argument("{\"driver\":\"file\",\"filename\":\"drive.raw\"}");
	assert_int_equal(opens("drive.raw", O_RDWR), 0);
	/* A word is no directory. */
	set_argument("names");
	assert_int_equal(opens("names/file", O_RDWR), EACCES);
	set_argument("local,path=./names");
	assert_int_equal(opens("names/file", O_RDWR), 0);
	set_argument("unix:names/new.sock,server=on");
	assert_int_equal(opens("names/new.sock", O_RDWR | O_CREAT), 0);
	assert_int_equal(opens("drive.raw", O_RDONLY), EACCES);
	for (size_t i = 0; i < 4; i++) {
		set_argument((const char *[]){ "/", ".", "..", "root=/dev/none" }[i]);
		assert_int_equal(opens("drive.raw", O_RDONLY), EACCES);
		assert_int_equal(opens("/dev/tty", O_RDWR), EACCES);
	}
}

static void test_listed(void **state)
{
	scratch_need(ruleset_version() > 0);
	scratch_text("names/file", "x");
	machine.definition.qemu.files[0] = (char *)scratch_path("names");
	machine.definition.qemu.file_count = 1;
	assert_int_equal(opens("names/new", O_RDWR | O_CREAT), 0);
}

/* A QEMU outside of /usr brings its firmware, but the directory of the program stays closed. */
static void test_binary(void **state)
{
	scratch_need(ruleset_version() > 0);
	scratch_text("prefix/bin/qemu", "x");
	scratch_text("prefix/bin/secret", "x");
	scratch_text("prefix/share/qemu/rom", "x");
	scratch_text("prefix/share/other", "x");
	machine.definition.qemu.binary = (char *)scratch_path("prefix/bin/qemu");
	assert_int_equal(opens("prefix/bin/qemu", O_RDONLY), 0);
	assert_int_equal(opens("prefix/share/qemu/rom", O_RDONLY), 0);
	assert_int_equal(opens("prefix/bin/secret", O_RDONLY), EACCES);
	assert_int_equal(opens("prefix/share/other", O_RDONLY), EACCES);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_disks),     CASE(test_boot),   CASE(test_shares), CASE(test_needs),
		CASE(test_arguments), CASE(test_listed), CASE(test_binary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
