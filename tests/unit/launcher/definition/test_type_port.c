// SPDX-License-Identifier: GPL-2.0-or-later
// Tests entries of 'ports': texts, conflicts, the port for SSH.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <string.h>

#include "launcher/definition/type_port.h"
#include "netsetup/base/cleanup.h"

static void test_texts(void **state)
{
	static const struct {
		const char *text;
		const char *whole;
	} good[] = {
		{ "2222:22", "127.0.0.1:2222:22/tcp" },
		{ "1:65535/tcp", "127.0.0.1:1:65535/tcp" },
		{ "5353:53/udp", "127.0.0.1:5353:53/udp" },
		{ "0.0.0.0:80:8080", "0.0.0.0:80:8080/tcp" },
		{ "127.0.0.2:80:80", "127.0.0.2:80:80/tcp" },
		{ "255.255.255.254:65535:65535/udp", NULL },
		{ "192.168.100.200:65535:65535/udp", "192.168.100.200:65535:65535/udp" },
	};
	static const char *const bad[] = {
		"",
		"22",
		":22",
		"22:",
		"22:22/",
		"22:22/sctp",
		"0:22",
		"22:0",
		"65536:22",
		"22:65536",
		"022:22",
		"+1:22",
		" 1:22",
		"1:22 ",
		"1:2:3:4",
		"1:2:3",
		"localhost:1:2",
		"1.2.3:1:2",
		"224.0.0.1:1:2",
		"0.0.0.1:1:2",
		"[::1]:1:2",
		":1:2",
		"1.2.3.4:1",
		"1:2/tcp/tcp",
		"22:22,hostfwd=x",
		"-1:22",
		"1:0x16",
		"127.0.0.1::22",
		"1.2.3.4:1:2/TCP",
		"192.168.100.200:65535:65535/udp0123456789",
	};
	char text[TYPE_PORT_TEXT_SIZE];
	struct port port, before;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(type_port_parse(good[i].text, &port), good[i].whole != NULL);
		if (good[i].whole)
			assert_string_equal(type_port_text(&port, text), good[i].whole);
	}
	memset(&port, 7, sizeof(port));
	before = port;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (type_port_parse(bad[i], &port))
			fail_msg("'%s'", bad[i]);
		assert_memory_equal(&port, &before, sizeof(port));
	}
}

static bool same(const char *one, const char *other)
{
	struct port first, second;

	assert_true(type_port_parse(one, &first) && type_port_parse(other, &second));
	return type_port_same(&first, &second) && type_port_same(&second, &first);
}

static void test_same(void **state)
{
	assert_true(same("2222:22", "2222:23"));
	assert_true(same("0.0.0.0:2222:22", "2222:22"));
	assert_false(same("127.0.0.2:2222:22", "2222:22"));
	assert_false(same("2222:22/udp", "2222:22"));
	assert_false(same("2223:22", "2222:22"));
}

static void test_ssh(void **state)
{
	struct definition definition = { .network.type = NETWORK_USER, .other_count = 1 };
	struct network *network = &definition.others[0];
	struct sockaddr_in ssh;

	assert_false(type_port_find_ssh(&definition, &ssh));
	assert_true(type_port_parse("53:22/udp", &network->ports[0]));
	assert_true(type_port_parse("2222:2222", &network->ports[1]));
	assert_true(type_port_parse("0.0.0.0:1022:22", &network->ports[2]));
	network->port_count = 3;
	assert_true(type_port_find_ssh(&definition, &ssh));
	assert_int_equal(ntohs(ssh.sin_port), 1022);
	assert_int_equal(ntohl(ssh.sin_addr.s_addr), INADDR_LOOPBACK);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_ssh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
