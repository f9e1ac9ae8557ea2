// SPDX-License-Identifier: GPL-2.0-or-later
// Sends and checks records: each field, each malformed form, each descriptor.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/protocol/protocol.h"
#include "tests/unit/support/namespace.h"

#define TYPE_LAST RECORD_CLEAN

static struct in_addr address(const char *text)
{
	struct in_addr parsed;

	assert_true(ipv4_parse(text, &parsed));
	return parsed;
}

/* A valid request. */
static struct setup_record good_setup(void)
{
	struct setup_record setup;

	protocol_record_init(&setup, RECORD_SETUP);
	strcpy(setup.name, "debian");
	setup.queues = 1;
	return setup;
}

static void test_init(void **state)
{
	static const size_t sizes[] = { [RECORD_SETUP] = sizeof(struct setup_record),
					[RECORD_CHANGE] = sizeof(struct change_record),
					[RECORD_READY] = sizeof(struct ready_record),
					[RECORD_FAILED] = sizeof(struct failed_record),
					[RECORD_ADOPT] = sizeof(struct setup_record),
					[RECORD_MOVED] = sizeof(struct ready_record),
					[RECORD_DHCP] = sizeof(struct dhcp_record),
					[RECORD_CLEAN] = sizeof(struct clean_record) };
	struct error err;

	for (unsigned int type = 1; type <= TYPE_LAST; type++) {
		union record record;
		const unsigned char *octets = (const unsigned char *)&record;

		memset(&record, 0xee, sizeof(record));
		protocol_record_init(&record, (enum record_type)type);
		assert_int_equal(record.header.magic, PROTOCOL_MAGIC);
		assert_int_equal(record.header.version, PROTOCOL_VERSION);
		assert_int_equal(record.header.type, type);
		assert_int_equal(record.header.size, sizes[type]);
		for (size_t i = sizeof(record.header); i < sizeof(record); i++)
			assert_int_equal(octets[i], i < sizes[type] ? 0 : 0xee);
		assert_int_equal(protocol_record_check(&record, sizes[type], &err), 0);
	}
}

/* Wrong sizes of the received bytes and in the header. */
static void test_sizes(void **state)
{
	struct error err = { 0 };

	for (unsigned int type = 1; type <= TYPE_LAST; type++) {
		union record record;
		size_t size;

		memset(&record, 0, sizeof(record));
		protocol_record_init(&record, (enum record_type)type);
		size = record.header.size;
		for (size_t i = 0; i <= sizeof(record); i++) {
			if (i == size)
				continue;
			assert_int_equal(protocol_record_check(&record, i, &err), -EPROTO);
			assert_string_equal(err.message,
					    i < sizeof(record.header)
						    ? "malformed record: shorter than its header"
						    : "malformed record: wrong size");
		}
		record.header.size = (uint32_t)size - 1;
		assert_int_equal(protocol_record_check(&record, size, &err), -EPROTO);
		assert_int_equal(protocol_record_check(&record, size - 1, &err), -EPROTO);
		record.header.size = UINT32_MAX;
		assert_int_equal(protocol_record_check(&record, size, &err), -EPROTO);
	}
}

static void test_header(void **state)
{
	static const uint16_t types[] = {
		0, TYPE_LAST + 1, TYPE_LAST + 2, 255, 256, 0x7fff, 0xffff
	};
	struct setup_record setup = good_setup();
	struct error err = { 0 };

	setup.header.magic ^= 1;
	assert_int_equal(protocol_record_check(&setup, sizeof(setup), &err), -EPROTO);
	assert_string_equal(err.message, "malformed record: wrong magic");
	setup.header.magic = htonl(PROTOCOL_MAGIC);
	assert_int_equal(protocol_record_check(&setup, sizeof(setup), &err), -EPROTO);

	setup = good_setup();
	setup.header.version = PROTOCOL_VERSION + 1;
	assert_int_equal(protocol_record_check(&setup, sizeof(setup), &err), -EPROTO);
	assert_string_equal(err.message, "malformed record: wrong version");

	setup = good_setup();
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		setup.header.type = types[i];
		assert_int_equal(protocol_record_check(&setup, sizeof(setup), &err), -EPROTO);
		assert_string_equal(err.message, "malformed record: unknown type");
	}
	setup.header.type = RECORD_READY;
	assert_int_equal(protocol_record_check(&setup, sizeof(setup), &err), -EPROTO);
	assert_string_equal(err.message, "malformed record: wrong size");
}

static void unterminated(void *record, size_t size, char *text, size_t room)
{
	struct error err = { 0 };

	memset(text, 'a', room - 1);
	assert_int_equal(protocol_record_check(record, size, &err), 0);
	text[room - 1] = 'a';
	assert_int_equal(protocol_record_check(record, size, &err), -EPROTO);
	assert_string_equal(err.message, "malformed record: unterminated text");
}

#define UNTERMINATED(kind, member, constant)                                   \
	do {                                                                   \
		union record record;                                           \
                                                                               \
		protocol_record_init(&record, constant);                       \
		unterminated(&record, sizeof(record.kind), record.kind.member, \
			     sizeof(record.kind.member));                      \
	} while (0)

static void test_unterminated(void **state)
{
	UNTERMINATED(setup, name, RECORD_SETUP);
	UNTERMINATED(setup, uplink, RECORD_SETUP);
	UNTERMINATED(change, text, RECORD_CHANGE);
	UNTERMINATED(ready, uplink, RECORD_READY);
	UNTERMINATED(ready, ssid, RECORD_READY);
	UNTERMINATED(ready, tap, RECORD_READY);
	UNTERMINATED(ready, reason, RECORD_READY);
	UNTERMINATED(ready, uplink, RECORD_MOVED);
	UNTERMINATED(ready, ssid, RECORD_MOVED);
	UNTERMINATED(ready, tap, RECORD_MOVED);
	UNTERMINATED(ready, reason, RECORD_MOVED);
	UNTERMINATED(setup, name, RECORD_ADOPT);
	UNTERMINATED(setup, uplink, RECORD_ADOPT);
	UNTERMINATED(failed, message, RECORD_FAILED);
	UNTERMINATED(failed, remedy, RECORD_FAILED);
}

/* A change to a valid request and the field that the error names; NULL if it stays valid. */
struct field_case {
	const char *field;
	void (*change)(struct setup_record *setup, int value);
	int value;
};

#define SETTER(name, statement)                                 \
	static void name(struct setup_record *setup, int value) \
	{                                                       \
		statement;                                      \
	}

static const char *const names[] = { "",     "-a", "a-",  "A",        "a.b",    "a/b", "a b",
				     "a\nb", "..", "a_b", "\xc3\xa4", "vmr-%d", "a",   "0-9" };
static const char *const uplinks[] = { ".",   "..",  "all",  "default", "a/b", "a b",
				       "a:b", "a%d", "\x7f", "wlan0",   "a.5" };
static const char *const addresses[] = { "0.0.0.1",   "127.0.0.1",       "224.0.0.1",
					 "240.0.0.1", "255.255.255.255", "192.168.7.9" };

SETTER(set_name, strcpy(setup->name, names[value]))
SETTER(set_uplink, strcpy(setup->uplink, uplinks[value]))
SETTER(set_address, setup->address = address(addresses[value]))
SETTER(set_remembered, setup->remembered[REMEMBERED_MAX - 1] = address(addresses[value]))
SETTER(set_range_first, setup->range_first = address(addresses[value]))
SETTER(set_range_last, setup->range_last = address(addresses[value]))
SETTER(set_range, setup->range_first = setup->range_last = address(addresses[value]))
SETTER(set_range_back, setup->range_first = address("10.0.1.0");
       setup->range_last = address(value ? "10.0.1.0" : "10.0.0.255"))
SETTER(set_gateway, setup->gateway_mode = GATEWAY_ADDRESS;
       setup->gateway = address(addresses[value]))
SETTER(set_gateway_alone, setup->gateway_mode = (uint8_t)value;
       setup->gateway = address("192.168.7.9"))
SETTER(set_gateway_mode, setup->gateway_mode = (uint8_t)value)
SETTER(set_dns, setup->dns_count = DNS_MAX; setup->dns[0] = address("1.1.1.1");
       setup->dns[1] = address("1.0.0.1"); setup->dns[2] = address(addresses[value]))
SETTER(set_dns_unused, setup->dns_count = 0; setup->dns[0] = address(addresses[value]))
SETTER(set_dns_count, setup->dns_count = (uint32_t)value)
SETTER(set_probe, setup->probe = (uint8_t)value)
SETTER(set_promiscuous, setup->promiscuous = (uint8_t)value)
SETTER(set_queues, setup->queues = (uint8_t)value)
SETTER(set_offload, setup->offload = (uint8_t)value)
SETTER(set_dry_run, setup->dry_run = (uint8_t)value)
SETTER(set_verbose, setup->verbose = (uint8_t)value)
SETTER(set_follow, setup->roam = (uint8_t)value)
SETTER(set_dhcp, setup->dhcp = (uint8_t)value)
SETTER(set_reserved, setup->reserved[value] = 1)

static const struct field_case fields[] = {
	{ "name", set_name, 0 },
	{ "name", set_name, 1 },
	{ "name", set_name, 2 },
	{ "name", set_name, 3 },
	{ "name", set_name, 4 },
	{ "name", set_name, 5 },
	{ "name", set_name, 6 },
	{ "name", set_name, 7 },
	{ "name", set_name, 8 },
	{ "name", set_name, 9 },
	{ "name", set_name, 10 },
	{ "name", set_name, 11 },
	{ NULL, set_name, 12 },
	{ NULL, set_name, 13 },
	{ "uplink", set_uplink, 0 },
	{ "uplink", set_uplink, 1 },
	{ "uplink", set_uplink, 2 },
	{ "uplink", set_uplink, 3 },
	{ "uplink", set_uplink, 4 },
	{ "uplink", set_uplink, 5 },
	{ "uplink", set_uplink, 6 },
	{ "uplink", set_uplink, 7 },
	{ "uplink", set_uplink, 8 },
	{ NULL, set_uplink, 9 },
	{ NULL, set_uplink, 10 },
	{ "address", set_address, 0 },
	{ "address", set_address, 1 },
	{ "address", set_address, 2 },
	{ "address", set_address, 3 },
	{ "address", set_address, 4 },
	{ NULL, set_address, 5 },
	{ "range", set_range_first, 5 },
	{ "range", set_range_last, 5 },
	{ "range", set_range_back, 0 },
	{ NULL, set_range_back, 1 },
	{ "range", set_range, 0 },
	{ "range", set_range, 4 },
	{ NULL, set_range, 5 },
	{ "remembered", set_remembered, 1 },
	{ "remembered", set_remembered, 4 },
	{ NULL, set_remembered, 5 },
	{ "gateway", set_gateway, 0 },
	{ "gateway", set_gateway, 2 },
	{ NULL, set_gateway, 5 },
	{ "gateway", set_gateway_alone, GATEWAY_ROUTER },
	{ "gateway", set_gateway_alone, GATEWAY_HOST },
	{ "gateway", set_gateway_alone, GATEWAY_ADDRESS + 1 },
	{ NULL, set_gateway_alone, GATEWAY_ADDRESS },
	{ NULL, set_gateway_mode, GATEWAY_HOST },
	{ "gateway", set_gateway_mode, GATEWAY_ADDRESS },
	{ "gateway", set_gateway_mode, GATEWAY_ADDRESS + 1 },
	{ "gateway", set_gateway_mode, 255 },
	{ "dns", set_dns, 0 },
	{ "dns", set_dns, 1 },
	{ "dns", set_dns, 4 },
	{ NULL, set_dns, 5 },
	{ NULL, set_dns_unused, 4 },
	{ "dns_count", set_dns_count, DNS_MAX + 1 },
	{ "dns_count", set_dns_count, -1 },
	{ NULL, set_probe, PROBE_NONE },
	{ "probe", set_probe, PROBE_NONE + 1 },
	{ "probe", set_probe, 255 },
	{ NULL, set_promiscuous, PROMISCUOUS_OFF },
	{ "promiscuous", set_promiscuous, PROMISCUOUS_OFF + 1 },
	{ "queues", set_queues, 0 },
	{ NULL, set_queues, QUEUES_MAX },
	{ "queues", set_queues, QUEUES_MAX + 1 },
	{ "queues", set_queues, 255 },
	{ NULL, set_offload, 1 },
	{ "flags", set_offload, 2 },
	{ NULL, set_dry_run, 1 },
	{ "flags", set_dry_run, 2 },
	{ NULL, set_verbose, 1 },
	{ "flags", set_verbose, 255 },
	{ NULL, set_follow, 1 },
	{ "flags", set_follow, 2 },
	{ NULL, set_dhcp, 1 },
	{ "flags", set_dhcp, 2 },
	{ "flags", set_reserved, 0 },
	{ "flags", set_reserved, 1 },
};

static void test_fields(void **state)
{
	struct setup_record good = good_setup();
	struct error err = { 0 };

	assert_int_equal(protocol_setup_check(&good, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct setup_record setup = good_setup();
		char expected[64] = "";
		int ret;

		memset(&err, 0, sizeof(err));
		fields[i].change(&setup, fields[i].value);
		ret = protocol_setup_check(&setup, &err);
		if (ret != (fields[i].field ? -EINVAL : 0))
			print_error("case %zu: %s\n", i, fields[i].field ? fields[i].field : "-");
		assert_int_equal(ret, fields[i].field ? -EINVAL : 0);
		if (fields[i].field)
			snprintf(expected, sizeof(expected), "request refused: invalid field '%s'",
				 fields[i].field);
		assert_string_equal(err.message, expected);
	}
}

static void test_clean_fields(void **state)
{
	struct clean_record clean;
	struct error err = { 0 };

	protocol_record_init(&clean, RECORD_CLEAN);
	assert_int_equal(protocol_clean_check(&clean, &err), 0);
	clean.dry_run = 1;
	assert_int_equal(protocol_clean_check(&clean, &err), 0);
	clean.dry_run = 2;
	assert_int_equal(protocol_clean_check(&clean, &err), -EINVAL);
	clean.dry_run = 0;
	for (size_t i = 0; i < sizeof(clean.reserved); i++) {
		clean.reserved[i] = 1;
		assert_int_equal(protocol_clean_check(&clean, &err), -EINVAL);
		clean.reserved[i] = 0;
	}
}

/* Makes a pair of sockets; the caller's cleanup_fd variables close them. */
static void make_pair(int *ours, int *theirs)
{
	int sockets[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	*ours = sockets[0];
	*theirs = sockets[1];
}

static void test_round_trip(void **state)
{
	cleanup_fd int ours = -1;
	cleanup_fd int theirs = -1;
	unsigned int before;
	struct error err = { 0 };

	make_pair(&ours, &theirs);
	before = namespace_count_fds();
	for (unsigned int type = 1; type <= TYPE_LAST; type++) {
		union record sent = { 0 }, received;
		int fds[QUEUES_MAX];

		protocol_record_init(&sent, (enum record_type)type);
		((char *)&sent)[sizeof(sent.header)] = 'x';
		memset(&received, 0xee, sizeof(received));
		assert_int_equal(protocol_send(ours, &sent, NULL, 0, &err), 0);
		assert_int_equal(protocol_receive(theirs, &received, type % 2 ? fds : NULL, &err),
				 0);
		assert_memory_equal(&sent, &received, sent.header.size);
		for (size_t i = 0; type % 2 && i < QUEUES_MAX; i++)
			assert_int_equal(fds[i], -1);
	}
	assert_int_equal(namespace_count_fds(), before);
}

/* Sends any number of descriptors with any bytes, as protocol_send() does not. */
static void send_raw(int socket, const void *data, size_t size, size_t fd_count)
{
	struct iovec part = { (void *)data, size };
	union {
		char space[CMSG_SPACE(sizeof(int) * 64)];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd_count) {
		int fds[64];

		for (size_t i = 0; i < fd_count; i++)
			fds[i] = STDERR_FILENO;
		message.msg_control = control.space;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * fd_count);
	}
	assert_int_equal(sendmsg(socket, &message, 0), size);
}

static void test_descriptors(void **state)
{
	cleanup_fd int ours = -1;
	cleanup_fd int theirs = -1;
	struct change_record change;
	struct error err = { 0 };
	unsigned int before;

	make_pair(&ours, &theirs);
	protocol_record_init(&change, RECORD_CHANGE);
	before = namespace_count_fds();
	for (size_t count = 0; count <= 12; count++) {
		union record record;
		int fds[QUEUES_MAX];
		int ret;

		send_raw(ours, &change, sizeof(change), count);
		ret = protocol_receive(theirs, &record, fds, &err);
		assert_int_equal(ret, count <= QUEUES_MAX ? 0 : -EPROTO);
		if (ret < 0)
			assert_string_equal(err.message,
					    "malformed record: unexpected descriptors");
		for (size_t i = 0; i < QUEUES_MAX; i++) {
			if (ret < 0 || i >= count) {
				assert_int_equal(fds[i], -1);
				continue;
			}
			assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
			close(fds[i]);
		}
		assert_int_equal(namespace_count_fds(), before);

		/* The receiver accepts no descriptors: it refuses the record and owns none. */
		send_raw(ours, &change, sizeof(change), count);
		ret = protocol_receive(theirs, &record, NULL, &err);
		assert_int_equal(ret, count ? -EPROTO : 0);
		if (ret < 0)
			assert_string_equal(err.message,
					    "malformed record: unexpected descriptors");
		assert_int_equal(namespace_count_fds(), before);
	}
}

/* The receiver closes the descriptors of a malformed record. */
static void test_descriptors_of_garbage(void **state)
{
	cleanup_fd int ours = -1;
	cleanup_fd int theirs = -1;
	char garbage[sizeof(union record) + 64] = "garbage";
	static const size_t sizes[] = {
		1, 11, 12, 13, sizeof(struct setup_record), sizeof(union record), sizeof(garbage)
	};
	struct error err = { 0 };
	unsigned int before;

	make_pair(&ours, &theirs);
	before = namespace_count_fds();
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (size_t count = 0; count <= 9; count += 3) {
			union record record;
			int fds[QUEUES_MAX];

			send_raw(ours, garbage, sizes[i], count);
			assert_int_equal(protocol_receive(theirs, &record, fds, &err), -EPROTO);
			assert_int_equal(fds[0], -1);
			send_raw(ours, garbage, sizes[i], count);
			assert_int_equal(protocol_receive(theirs, &record, NULL, &err), -EPROTO);
			assert_int_equal(namespace_count_fds(), before);
		}
	}
}

/* The receiver refuses a record that is larger than its buffer. */
static void test_too_large(void **state)
{
	cleanup_fd int ours = -1;
	cleanup_fd int theirs = -1;
	struct {
		struct failed_record failed;
		char more;
	} large;
	union record record;
	struct error err = { 0 };

	make_pair(&ours, &theirs);
	memset(&large, 0, sizeof(large));
	protocol_record_init(&large.failed, RECORD_FAILED);
	send_raw(ours, &large, sizeof(record) + 1, 0);
	assert_int_equal(protocol_receive(theirs, &record, NULL, &err), -EPROTO);
	assert_string_equal(err.message, "malformed record: larger than any record");
}

static void test_end_of_file(void **state)
{
	cleanup_fd int ours = -1;
	cleanup_fd int theirs = -1;
	struct change_record change;
	union record record;
	int fds[QUEUES_MAX] = { 0 };
	struct error err = { 0 };

	protocol_record_init(&change, RECORD_CHANGE);
	make_pair(&ours, &theirs);
	assert_int_equal(protocol_send(ours, &change, NULL, 0, &err), 0);
	close(ours);
	ours = -1;
	assert_int_equal(protocol_receive(theirs, &record, NULL, &err), 0);
	assert_int_equal(protocol_receive(theirs, &record, fds, &err), -ECONNRESET);
	for (size_t i = 0; i < QUEUES_MAX; i++)
		assert_int_equal(fds[i], -1);
	assert_int_equal(protocol_send(theirs, &change, NULL, 0, &err), -EPIPE);

	/* A peer that ended without reading its records. */
	close(theirs);
	make_pair(&ours, &theirs);
	assert_int_equal(protocol_send(theirs, &change, NULL, 0, &err), 0);
	close(ours);
	ours = -1;
	assert_int_equal(protocol_receive(theirs, &record, NULL, &err), -ECONNRESET);
}

/* A peer that does not read cannot block the sender. */
static void test_full(void **state)
{
	cleanup_fd int ours = -1;
	cleanup_fd int theirs = -1;
	struct change_record change;
	struct error err = { 0 };
	int ret = 0;

	protocol_record_init(&change, RECORD_CHANGE);
	make_pair(&ours, &theirs);
	for (int i = 0; ret == 0 && i < 100000; i++)
		ret = protocol_send(ours, &change, NULL, 0, &err);
	assert_int_equal(ret, -EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_unterminated),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_clean_fields),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_descriptors_of_garbage),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_end_of_file),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
