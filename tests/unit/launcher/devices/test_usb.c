// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the check of USB devices, in a copy of the kernel's file tree.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "launcher/devices/usb.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/namespace.h"
#include "tests/unit/support/scratch.h"

static void put(const char *device, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/devices/%s/%s", scratch, device, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "%s\n", text);
	fclose(file);
}

static void put_device(const char *device, const char *vendor, const char *product,
		       const char *class, const char *number)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/devices/%s", scratch, device);
	assert_int_equal(mkdir(path, 0755), 0);
	put(device, "idVendor", vendor);
	put(device, "idProduct", product);
	put(device, "bDeviceClass", class);
	put(device, "busnum", "1");
	put(device, "devnum", number);
	snprintf(path, sizeof(path), "%s/nodes/001/%03d", scratch, atoi(number));
	fclose(fopen(path, "w"));
	assert_int_equal(chmod(path, 0600), 0);
}

static void put_tree(void)
{
	static const char *const directories[] = { "devices", "nodes", "nodes/001",
						   "devices/1-1:1.0" };

	assert_int_equal(chmod(scratch, 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		assert_int_equal(mkdir(scratch_path(directories[i]), 0755), 0);
	put("1-1:1.0", "bInterfaceClass", "03");
	put_device("usb1", "1d6b", "0002", "09", "1");
	put_device("1-1", "046d", "c52b", "00", "2");
	put("1-1", "product", "USB \033[31mReceiver\xff");
	put_device("1-2", "0951", "1666", "00", "12");
	put_device("1-3", "0951", "1666", "00", "13");
}

static int check(uint16_t vendor, uint16_t product, struct error *err)
{
	struct definition definition = { .usb = { { vendor, product } }, .usb_count = 1 };

	memset(err, 0, sizeof(*err));
	return usb_check(&definition, scratch_path("devices"), scratch_path("nodes"), err);
}

static void test_present(void **state)
{
	struct error err;

	put_tree();
	assert_int_equal(check(0x046d, 0xc52b, &err), 0);
	assert_int_equal(check(0x0951, 0x1666, &err), 0);
	assert_int_equal(check(0x046d, 0xc52c, &err), -ENODEV);
	assert_string_equal(err.message, "USB device '046d:c52c' is not plugged in");
	assert_string_equal(err.remedy, "plugged in: 046d:c52b (USB ?[31mReceiver?), 0951:1666, "
					"0951:1666");
	assert_int_equal(usb_check(&(struct definition){ 0 }, "/nonexistent", "/nonexistent", &err),
			 0);
}

static void test_none(void **state)
{
	struct error err;

	assert_int_equal(check(0x046d, 0xc52b, &err), -ENODEV);
	assert_string_equal(err.remedy, "plugged in: no device but hubs");
}

/* The list of devices is longer than a message. */
static void test_many(void **state)
{
	struct error err;
	char name[16], number[8];

	put_tree();
	for (int i = 20; i < 120; i++) {
		snprintf(name, sizeof(name), "2-%d", i);
		snprintf(number, sizeof(number), "%d", i);
		put_device(name, "1234", "5678", "00", number);
	}
	assert_int_equal(check(1, 2, &err), -ENODEV);
	assert_non_null(strstr(err.remedy, "1234:5678"));
	assert_true(strlen(err.remedy) > 500 && strlen(err.remedy) < ERROR_REMEDY_SIZE - 1);
}

static int as_nobody(void)
{
	struct error err;

	if (namespace_drop_rights() < 0)
		return 1;
	if (check(0x046d, 0xc52b, &err) != -EACCES || err.status != STATUS_PERMISSION ||
	    !strstr(err.remedy, "ATTR{idVendor}==\"046d\", ATTR{idProduct}==\"c52b\""))
		return 2;
	/* Access to one of the two devices is enough. */
	return check(0x0951, 0x1666, &err) == 0 ? 0 : 3;
}

static void test_denied(void **state)
{
	pid_t child;

	scratch_need(geteuid() == 0);
	put_tree();
	assert_int_equal(chmod(scratch_path("nodes/001/013"), 0666), 0);
	child = fork();
	if (child == 0)
		_exit(as_nobody());
	assert_int_equal(namespace_wait(child), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(test_present),
		CASE(test_none),
		CASE(test_many),
		CASE(test_denied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
