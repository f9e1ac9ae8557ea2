// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the system credentials that configure the guest's cards.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "launcher/common/text.h"
#include "launcher/guest/credential.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/machine.h"

/* Checks the credential with this index: its name, and what it says. */
static void assert_credential(const struct machine *machine, unsigned int index, const char *name,
			      const char *value)
{
	char got[4096] = "", expected[4096];
	FILE *out = fmemopen(expected, sizeof(expected), "w");
	struct error err;
	size_t size;
	cleanup_fd int fd = credential_open(&machine->plan, index, &size, &err);

	assert_true(fd >= 0 && size < sizeof(got));
	assert_int_equal(pread(fd, got, sizeof(got) - 1, 0), size);
	assert_non_null(out);
	fprintf(out, "io.systemd.credential.binary:%s=", name);
	text_write_base64(out, value, strlen(value));
	fclose(out);
	assert_string_equal(got, expected);
}

static void test_one_card(void **state)
{
	struct machine machine;

	machine_init(&machine);
	assert_false(credential_wanted(&machine.definition));
	machine_join(&machine, CONFIGURE_CREDENTIALS);
	assert_int_equal(credential_count(&machine.definition), 3);
	assert_credential(&machine, 1, "system.hostname", "web");
	assert_credential(&machine, 2, "network.network.10-vmrun",
			  "[Match]\nMACAddress=52:54:00:ab:cd:ef\n\n[Link]\nMTUBytes=1500\n\n"
			  "[Network]\nAddress=192.168.1.10/24\nGateway=192.168.1.1\n"
			  "DNS=192.168.1.1\nDNS=9.9.9.9\nDNS=8.8.8.8\n");
}

/* Each card has a file, with a table of routes for what comes from its address. */
static void test_cards(void **state)
{
	struct machine machine;
	struct lan_place wired;

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_DHCP);
	wired = machine.lan;
	wired.address.s_addr = inet_addr("192.168.2.10");
	wired.mtu = 0;
	machine.definition.others[0] = (struct network){ .type = NETWORK_USER };
	machine.definition.others[1] = (struct network){ .type = NETWORK_LAN,
							 .configure = CONFIGURE_CREDENTIALS,
							 .dns_count = 1,
							 .mac = { { 2, 0, 0, 0, 0, 1 } } };
	machine.definition.other_count = 2;
	machine.plan.cards[1] = machine.plan.cards[0];
	machine.plan.cards[1].lan = &wired;
	assert_true(credential_wanted(&machine.definition));
	assert_int_equal(credential_count(&machine.definition), 3);
	assert_credential(&machine, 2, "network.network.11-vmrun",
			  "[Match]\nMACAddress=02:00:00:00:00:01\n\n"
			  "[Network]\nAddress=192.168.2.10/24\nDNS=192.168.1.1\n"
			  "\n[Route]\nGateway=192.168.1.1\nMetric=1001\n"
			  "\n[Route]\nDestination=192.168.2.0/24\nScope=link\nTable=101\n"
			  "\n[Route]\nGateway=192.168.1.1\nTable=101\n"
			  "\n[RoutingPolicyRule]\nFrom=192.168.2.10\nTable=101\n");
	machine.definition.network.configure = CONFIGURE_CREDENTIALS;
	assert_int_equal(credential_count(&machine.definition), 4);
	wired.gateway.s_addr = 0;
	assert_credential(&machine, 3, "network.network.11-vmrun",
			  "[Match]\nMACAddress=02:00:00:00:00:01\n\n"
			  "[Network]\nAddress=192.168.2.10/24\nDNS=192.168.1.1\n"
			  "\n[Route]\nDestination=192.168.2.0/24\nScope=link\nTable=101\n"
			  "\n[RoutingPolicyRule]\nFrom=192.168.2.10\nTable=101\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_card),
		cmocka_unit_test(test_cards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
