// SPDX-License-Identifier: GPL-2.0-or-later
// Tests that 'auto' is stable, and differs between VMs and machines.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "launcher/definition/resolve.h"
#include "launcher/devices/vsock.h"
#include "launcher/yaml/scalar.h"

static const char machine_a[] = "0123456789abcdef0123456789abcdef";
static const char machine_b[] = "0123456789abcdef0123456789abcdee";

static struct definition resolved(const char *name, const char *machine_id)
{
	struct definition definition = { .uuid_auto = true, .network = { .mac_auto = true } };

	strcpy(definition.name, name);
	resolve_definition(&definition, machine_id);
	return definition;
}

/* These texts must never change: every VM would get another address and MAC. */
static void test_promise(void **state)
{
	struct definition definition = resolved("debian", machine_a);
	char uuid[UUID_STR_LEN], mac[ARP_MAC_TEXT_SIZE];

	uuid_unparse_lower(definition.uuid, uuid);
	assert_string_equal(uuid, "a70b384e-6df0-57ad-bfe6-8b13ae20a89d");
	assert_string_equal(scalar_mac_text(&definition.network.mac, mac), "02:c9:ed:9d:ff:9c");
	assert_int_equal(uuid_type(definition.uuid), 5);
}

static void test_differ(void **state)
{
	struct definition one = resolved("debian", machine_a);
	struct definition other = resolved("debian2", machine_a);
	struct definition elsewhere = resolved("debian", machine_b);

	assert_int_not_equal(uuid_compare(one.uuid, other.uuid), 0);
	assert_int_not_equal(uuid_compare(one.uuid, elsewhere.uuid), 0);
	assert_memory_not_equal(&one.network.mac, &other.network.mac, ETH_ALEN);
	assert_memory_not_equal(&one.network.mac, &elsewhere.network.mac, ETH_ALEN);
}

/* The card on the LAN has the same MAC with other cards. These texts must never change. */
static void test_macs(void **state)
{
	struct definition definition = { .uuid_auto = true,
					 .network = { .mac_auto = true },
					 .others = { { .mac_auto = true }, { .mac_auto = true } },
					 .other_count = 2,
					 .network_index = 2 };
	char mac[ARP_MAC_TEXT_SIZE];

	memcpy(definition.name, "debian", sizeof("debian"));
	resolve_definition(&definition, machine_a);
	assert_string_equal(scalar_mac_text(&definition.network.mac, mac), "02:c9:ed:9d:ff:9c");
	assert_string_equal(scalar_mac_text(&definition.others[0].mac, mac), "92:f1:f7:01:c0:bb");
	assert_string_equal(scalar_mac_text(&definition.others[1].mac, mac), "2e:b9:f0:fd:20:9e");
}

static void test_vsock(void **state)
{
	struct definition definition = { .uuid_auto = true, .vsock.mode = VSOCK_AUTO };

	memcpy(definition.name, "debian", sizeof("debian"));
	resolve_definition(&definition, machine_a);
	assert_int_equal(definition.vsock.cid, 0xd68c177d);
	definition.vsock.mode = VSOCK_GIVEN;
	definition.vsock.cid = 42;
	resolve_definition(&definition, machine_a);
	assert_int_equal(definition.vsock.cid, 42);
}

/* Other files stand in for the vsock device of this machine. */
static void test_vsock_open(void **state)
{
	const struct definition definition = { .vsock = { VSOCK_GIVEN, 42 } };
	struct error err = { 0 };

	assert_int_equal(vsock_open(&definition, "/nonexistent/vhost-vsock", &err), -ENOENT);
	assert_string_equal(err.message,
			    "cannot open '/nonexistent/vhost-vsock': No such file or directory");
	assert_non_null(strstr(err.remedy, "modprobe vhost_vsock"));
	assert_int_equal(vsock_open(&definition, "/dev/null", &err), -ENOTTY);
	assert_non_null(strstr(err.message, "cannot take vsock number 42"));
}

static void test_mac_kind(void **state)
{
	char name[VM_NAME_SIZE];

	for (unsigned int i = 0; i < 256; i++) {
		struct definition definition;

		snprintf(name, sizeof(name), "vm%u", i);
		definition = resolved(name, machine_a);
		assert_int_equal(definition.network.mac.ether_addr_octet[0] & 3, 2);
	}
}

static void test_given(void **state)
{
	struct definition definition = { .network = { .mac = { { 0x52, 0x54, 0, 1, 2, 3 } },
						      .configure = CONFIGURE_DHCP } };

	memset(definition.uuid, 7, sizeof(definition.uuid));
	resolve_definition(&definition, machine_a);
	assert_int_equal(definition.uuid[15], 7);
	assert_int_equal(definition.network.mac.ether_addr_octet[5], 3);
	assert_int_equal(definition.network.configure, CONFIGURE_DHCP);
}

static void test_configure(void **state)
{
	static char kernel[] = "/vmlinuz";
	struct definition definition = { 0 };

	resolve_definition(&definition, machine_a);
	assert_int_equal(definition.network.configure, CONFIGURE_DHCP);
	definition.network.configure = 0;
	definition.cloud_init.present = true;
	resolve_definition(&definition, machine_a);
	assert_int_equal(definition.network.configure, CONFIGURE_CLOUD_INIT | CONFIGURE_DHCP);
	definition.network.configure = 0;
	definition.boot.kernel = kernel;
	resolve_definition(&definition, machine_a);
	assert_int_equal(definition.network.configure,
			 CONFIGURE_CLOUD_INIT | CONFIGURE_CMDLINE | CONFIGURE_DHCP);
}

static void test_machine_id(void **state)
{
	char first[RESOLVE_MACHINE_ID_SIZE], second[RESOLVE_MACHINE_ID_SIZE];

	resolve_machine_id(first);
	resolve_machine_id(second);
	assert_string_equal(first, second);
	assert_null(strpbrk(first, "\r\n"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_promise),    cmocka_unit_test(test_differ),
		cmocka_unit_test(test_macs),       cmocka_unit_test(test_vsock),
		cmocka_unit_test(test_vsock_open), cmocka_unit_test(test_mac_kind),
		cmocka_unit_test(test_given),      cmocka_unit_test(test_configure),
		cmocka_unit_test(test_machine_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
