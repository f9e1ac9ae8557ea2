// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the check that QEMU can listen on the ports of a definition.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/definition/type_port.h"
#include "launcher/devices/port_forward.h"
#include "tests/unit/support/namespace.h"

static int check(const char *text, struct error *err)
{
	struct definition definition = { .network = { .type = NETWORK_USER, .port_count = 1 } };

	memset(err, 0, sizeof(*err));
	assert_true(type_port_parse(text, &definition.network.ports[0]));
	return port_forward_check(&definition, err);
}

/* Every port is free on the loopback of a new namespace. */
static void in_namespace(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(2222) };
	int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
	struct error err;
	char user[64];

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(check("2222:22", &err), 0);
	assert_int_equal(bind(tcp, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(bind(udp, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(tcp, 1), 0);
	assert_int_equal(check("2222:22", &err), -EADDRINUSE);
	assert_string_equal(err.message, "cannot listen for 'ports' entry '127.0.0.1:2222:22/tcp': "
					 "Address already in use");
	snprintf(user, sizeof(user), "'test_port_forwa' (pid %d) has this port", (int)getpid());
	assert_non_null(strstr(err.remedy, user));
	assert_int_equal(check("0.0.0.0:2222:22", &err), -EADDRINUSE);
	assert_int_equal(check("2222:22/udp", &err), -EADDRINUSE);
	assert_non_null(strstr(err.remedy, user));
	assert_int_equal(check("127.0.0.2:2222:22", &err), 0);
	assert_int_equal(check("192.0.2.1:2222:22", &err), -EADDRNOTAVAIL);
	close(tcp);
	close(udp);
	assert_int_equal(check("2222:22", &err), 0);

	assert_int_equal(check("80:80", &err), 0);
	assert_int_equal(namespace_drop_rights(), 0);
	assert_int_equal(check("80:80", &err), -EACCES);
	assert_int_equal(err.status, STATUS_PERMISSION);
	assert_non_null(strstr(err.remedy, "ip_unprivileged_port_start=80"));
}

static void test_check(void **state)
{
	namespace_test(in_namespace);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
