// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the choice of a firmware by its descriptor, also by odd ones.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "launcher/devices/uefi.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/scratch.h"

/* A descriptor like those of Debian's ovmf, with existing files. */
static const char whole[] = "{\"description\": \"x\", \"interface-types\": [\"uefi\"],"
			    "\"mapping\": {\"device\": \"flash\","
			    "\"executable\": {\"filename\": \"%s/%s\", \"format\": \"raw\"},"
			    "\"nvram-template\": {\"filename\": \"%s/vars\", \"format\": \"%s\"}},"
			    "\"targets\": [{\"architecture\": \"%s\", \"machines\": [\"%s\"]}],"
			    "\"features\": [\"acpi-s3\"%s], \"tags\": []}";

#define SECURE ", \"secure-boot\", \"requires-smm\", \"enrolled-keys\""

static const struct uefi_request q35 = { "x86_64", "q35", false };
static const struct uefi_request secure = { "x86_64", "q35", true };

static const char *in(const char *name)
{
	return scratch_path(name);
}

static void describe(const char *name, const char *code, const char *format,
		     const char *architecture, const char *machines, const char *features)
{
	char text[PATH_MAX * 2];

	snprintf(text, sizeof(text), whole, scratch, code, scratch, format, architecture, machines,
		 features);
	scratch_text(name, text);
}

static void plain(const char *name, const char *code)
{
	describe(name, code, "raw", "x86_64", "pc-q35-*", "");
}

static int setup(void **state)
{
	static const char *const files[] = { "a", "b", "c", "vars" };

	if (scratch_setup(state))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		scratch_text(files[i], "x");
	return mkdir(in("etc"), 0700) || mkdir(in("usr"), 0700);
}

/* Checks that the firmware @code is found, or none for NULL. */
static void assert_finds(const struct uefi_request *request, const char *code)
{
	char etc[PATH_MAX], usr[PATH_MAX];
	const char *directories[] = { etc, "/nonexistent", usr, NULL };
	struct uefi uefi = { 0 };
	int ret;

	snprintf(etc, sizeof(etc), "%s", in("etc"));
	snprintf(usr, sizeof(usr), "%s", in("usr"));
	ret = uefi_find_described(directories, request, &uefi);
	if (code) {
		assert_int_equal(ret, 0);
		assert_string_equal(uefi.code, in(code));
		assert_string_equal(uefi.variables, in("vars"));
	} else {
		assert_int_equal(ret, -ENOENT);
		assert_null(uefi.code);
	}
	uefi_done(&uefi);
}

static void test_order(void **state)
{
	assert_finds(&q35, NULL);
	plain("usr/60-b.json", "b");
	assert_finds(&q35, "b");
	plain("usr/50-a.json", "a");
	assert_finds(&q35, "a");
	plain("etc/70-c.json", "c");
	assert_finds(&q35, "a");
	plain("etc/40-c.json", "c");
	assert_finds(&q35, "c");
}

/* The administrator's descriptor hides the distribution's of its name, even if it is empty. */
static void test_hidden(void **state)
{
	plain("usr/50-a.json", "a");
	plain("usr/60-b.json", "b");
	plain("etc/50-a.json", "c");
	assert_finds(&q35, "c");
	scratch_text("etc/50-a.json", "");
	assert_finds(&q35, "b");
}

static void test_features(void **state)
{
	struct uefi_request request = q35;

	describe("usr/40.json", "a", "raw", "x86_64", "pc-q35-*", SECURE);
	describe("usr/50.json", "b", "raw", "x86_64", "pc-q35-*",
		 ", \"secure-boot\", \"requires-smm\"");
	assert_finds(&q35, NULL);
	assert_finds(&secure, "a");
	describe("usr/60.json", "c", "raw", "x86_64", "pc-i440fx-*\", \"pc-q35-*", "");
	assert_finds(&q35, "c");
	assert_finds(&secure, "a");
	request.machine = "pc";
	assert_finds(&request, "c");
	request.machine = "pc-q35-7.2";
	assert_finds(&request, "c");
	request.machine = "microvm";
	assert_finds(&request, NULL);
	request = (struct uefi_request){ "aarch64", "virt", false };
	assert_finds(&request, NULL);
	describe("usr/70.json", "b", "raw", "aarch64", "virt-*", "");
	assert_finds(&request, "b");
}

static void test_format(void **state)
{
	const char *directories[] = { scratch, NULL };
	struct uefi uefi;

	describe("50.json", "a", "qcow2", "x86_64", "pc-q35-*", "");
	assert_int_equal(uefi_find_described(directories, &q35, &uefi), 0);
	assert_int_equal(uefi.code_format, DISK_FORMAT_RAW);
	assert_int_equal(uefi.variables_format, DISK_FORMAT_QCOW2);
	uefi_done(&uefi);
	describe("50.json", "a", "vmdk", "x86_64", "pc-q35-*", "");
	assert_int_equal(uefi_find_described(directories, &q35, &uefi), -ENOENT);
}

/* Each invalid descriptor is skipped, and the next one is found. */
static void test_odd(void **state)
{
	static const char *const odd[] = {
		"{",
		"[]",
		"null",
		"{\"interface-types\": \"uefi\"}",
		"{\"interface-types\": [null, 1], \"targets\": [[], null, 7]}",
		"{\"interface-types\": [\"uefi\"], \"targets\": [{\"architecture\": \"x86_64\","
		"\"machines\": [\"pc-q35-*\"]}], \"mapping\": {\"device\": \"flash\"}}",
		"{\"interface-types\": [\"uefi\"], \"targets\": [{\"architecture\": \"x86_64\","
		"\"machines\": [\"pc-q35-*\"]}], \"mapping\": []}",
	};

	plain("usr/60.json", "b");
	plain("usr/README", "c");
	plain("usr/.hidden.json", "c");
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		scratch_text("usr/50.json", odd[i]);
		assert_finds(&q35, "b");
	}
	plain("usr/50.json", "missing");
	assert_finds(&q35, "b");
	assert_int_equal(unlink(in("usr/50.json")), 0);
	assert_int_equal(mkdir(in("usr/50.json"), 0700), 0);
	assert_finds(&q35, "b");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_order),  CASE(test_hidden), CASE(test_features),
		CASE(test_format), CASE(test_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
