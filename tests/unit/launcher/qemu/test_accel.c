// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the choice between kvm and tcg, with files that stand for a host.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "launcher/qemu/accel.h"
#include "tests/unit/support/scratch.h"

#define NATIVE     "qemu-system-x86_64"
#define OTHER_USER 12345

static void make_machine(const char *flags)
{
	char cpuinfo[256];

	snprintf(cpuinfo, sizeof(cpuinfo), "processor\t: 0\nflags\t\t: fpu %s sse\nbugs\t: vmx\n",
		 flags);
	scratch_text("proc/cpuinfo", cpuinfo);
}

static void assert_auto_is_tcg(const char *binary)
{
	struct error err = { 0 };
	enum accel accel = ACCEL_AUTO;

	assert_int_equal(accel_resolve(ACCEL_AUTO, binary, scratch, &accel, &err), 0);
	assert_int_equal(accel, ACCEL_TCG);
	assert_string_equal(err.message, "");
}

static void assert_kvm_fails(const char *binary, const char *message, const char *remedy)
{
	struct error err = { 0 };
	enum accel accel = ACCEL_AUTO;

	assert_true(accel_resolve(ACCEL_KVM, binary, scratch, &accel, &err) < 0);
	assert_int_equal(accel, ACCEL_AUTO);
	if (!strstr(err.message, message) || !strstr(err.remedy, remedy))
		fail_msg("'%s' / '%s'", err.message, err.remedy);
}

static void test_no_flags(void **state)
{
	make_machine("svmx xvmx vmx_x svm_lock");
	scratch_text("dev/kvm", "");
	assert_auto_is_tcg(NATIVE);
	assert_kvm_fails(NATIVE, "neither 'vmx' nor 'svm'", "machine.accel: tcg");
}

static void test_no_cpuinfo(void **state)
{
	assert_auto_is_tcg(NATIVE);
	assert_kvm_fails(NATIVE, "cpuinfo': No such file", "");
}

static void test_no_device(void **state)
{
	make_machine("vmx");
	assert_auto_is_tcg(NATIVE);
	assert_kvm_fails(NATIVE, "/dev/kvm': No such file", "modprobe");
}

static void test_not_kvm(void **state)
{
	make_machine("svm");
	scratch_text("dev/kvm", "");
	assert_auto_is_tcg(NATIVE);
	assert_kvm_fails(NATIVE, "/dev/kvm': Inappropriate ioctl", "");
}

static void test_no_permission(void **state)
{
	bool root = geteuid() == 0;

	make_machine("vmx");
	scratch_text("dev/kvm", "");
	chmod(scratch_path("dev/kvm"), 0);
	chmod(scratch, 0755);
	assert_int_equal(root ? seteuid(OTHER_USER) : 0, 0);
	assert_auto_is_tcg(NATIVE);
	assert_kvm_fails(NATIVE, "/dev/kvm': Permission denied", "usermod -aG kvm");
	assert_int_equal(root ? seteuid(0) : 0, 0);
}

static void test_foreign(void **state)
{
	make_machine("vmx");
	assert_auto_is_tcg("qemu-system-m68k");
	assert_kvm_fails("/opt/bin/qemu-system-m68k", "'qemu-system-m68k' is for another kind",
			 "auto");
	assert_kvm_fails("/opt/qemu-system-m68k/kvm", "/dev/kvm'", "");
}

static void test_tcg(void **state)
{
	struct error err;
	enum accel accel = ACCEL_AUTO;

	assert_int_equal(accel_resolve(ACCEL_TCG, NATIVE, scratch, &accel, &err), 0);
	assert_int_equal(accel, ACCEL_TCG);
}

/* On this host, auto and an explicit kvm agree. */
static void test_here(void **state)
{
	enum accel automatic = ACCEL_AUTO, explicit = ACCEL_AUTO;
	struct error err = { 0 };
	int ret;

	assert_int_equal(accel_resolve(ACCEL_AUTO, "kvm", "", &automatic, &err), 0);
	ret = accel_resolve(ACCEL_KVM, "kvm", "", &explicit, &err);
	assert_int_equal(ret == 0, automatic == ACCEL_KVM);
	if (ret)
		assert_true(err.message[0]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
#if defined(__x86_64__)
		CASE(test_no_flags),
		CASE(test_no_cpuinfo),
		CASE(test_no_device),
		CASE(test_not_kvm),
		CASE(test_no_permission),
#endif
		CASE(test_foreign),
		CASE(test_tcg),
		CASE(test_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
