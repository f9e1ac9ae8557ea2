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

#define TYPE_LAST RECORD_COUNTS

static struct in_addr address(const char *text)
{
	struct in_addr parsed;

	assert_true(ipv4_parse(text, &parsed));
	return parsed;
}

/* A valid request. */
static struct attach_record good_attach(void)
{
	struct attach_record attach;

	protocol_record_init(&attach, RECORD_ATTACH);
	strcpy(attach.name, "debian");
	attach.ifindex = 2;
	attach.host = address("192.168.7.5");
	attach.queues = 1;
	attach.mac = (struct ether_addr){ { 0x52 } };
	return attach;
}

static void test_init(void **state)
{
	/* Of version 6, as in vmrun-netsetup(8): another size or type raises the version. */
	static const size_t sizes[] = {
		[RECORD_ATTACH] = 256,   [RECORD_MOVE] = 256,    [RECORD_WITHDRAW] = 12,
		[RECORD_CLEAN] = 16,     [RECORD_CHANGE] = 652,  [RECORD_READY] = 904,
		[RECORD_FAILED] = 1556,  [RECORD_CONFLICT] = 24, [RECORD_RENEWED] = 12,
		[RECORD_DONE] = 12,      [RECORD_DHCP] = 1524,   [RECORD_CONNECT] = 12,
		[RECORD_CONNECTED] = 12, [RECORD_STRANGER] = 24, [RECORD_VERDICT] = 864,
		[RECORD_ACCESS] = 16,    [RECORD_COUNT] = 12,    [RECORD_COUNTS] = 88
	};
	struct error err;

	assert_int_equal(PROTOCOL_VERSION, 6);
	assert_int_equal(ARRAY_SIZE(sizes), TYPE_LAST + 1);
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
	struct attach_record attach = good_attach();
	struct error err = { 0 };

	attach.header.magic ^= 1;
	assert_int_equal(protocol_record_check(&attach, sizeof(attach), &err), -EPROTO);
	assert_string_equal(err.message, "malformed record: wrong magic");
	attach.header.magic = htonl(PROTOCOL_MAGIC);
	assert_int_equal(protocol_record_check(&attach, sizeof(attach), &err), -EPROTO);

	attach = good_attach();
	attach.header.version = PROTOCOL_VERSION + 1;
	assert_int_equal(protocol_record_check(&attach, sizeof(attach), &err), -EPROTO);
	assert_string_equal(err.message, "malformed record: wrong version");

	attach = good_attach();
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		attach.header.type = types[i];
		assert_int_equal(protocol_record_check(&attach, sizeof(attach), &err), -EPROTO);
		assert_string_equal(err.message, "malformed record: unknown type");
	}
	attach.header.type = RECORD_READY;
	assert_int_equal(protocol_record_check(&attach, sizeof(attach), &err), -EPROTO);
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
	UNTERMINATED(attach, name, RECORD_ATTACH);
	UNTERMINATED(attach, name, RECORD_MOVE);
	UNTERMINATED(change, text, RECORD_CHANGE);
	UNTERMINATED(ready, tap, RECORD_READY);
	UNTERMINATED(failed, message, RECORD_FAILED);
	UNTERMINATED(failed, remedy, RECORD_FAILED);
}

/* A change to a valid request and the field that the error names; NULL if it stays valid. */
struct field_case {
	const char *field;
	void (*change)(struct attach_record *attach, int value);
	int value;
};

#define SETTER(name, statement)                                   \
	static void name(struct attach_record *attach, int value) \
	{                                                         \
		statement;                                        \
	}

static const char *const names[] = { "",     "-a", "a-",  "A",        "a.b",    "a/b", "a b",
				     "a\nb", "..", "a_b", "\xc3\xa4", "vmr-%d", "a",   "0-9" };
static const char *const addresses[] = { "0.0.0.1",   "127.0.0.1",       "224.0.0.1",
					 "240.0.0.1", "255.255.255.255", "192.168.7.9" };

SETTER(set_name, strcpy(attach->name, names[value]))
SETTER(set_ifindex, attach->ifindex = (uint32_t)value)
SETTER(set_host, attach->host = address(addresses[value]))
SETTER(set_no_host, attach->host.s_addr = INADDR_ANY)
SETTER(set_address, attach->address = address(addresses[value]))
SETTER(set_gateway, attach->gateway = address(addresses[value]))
SETTER(set_remembered, attach->remembered[REMEMBERED_MAX - 1] = address(addresses[value]))
SETTER(set_avoided, attach->avoided[AVOIDED_MAX - 1] = address(addresses[value]))
SETTER(set_range_first, attach->range_first = address(addresses[value]))
SETTER(set_range_last, attach->range_last = address(addresses[value]))
SETTER(set_range, attach->range_first = attach->range_last = address(addresses[value]))
SETTER(set_range_back, attach->range_first = address("10.0.1.0");
       attach->range_last = address(value ? "10.0.1.0" : "10.0.0.255"))
SETTER(set_tap_ifindex, attach->tap_ifindex = (uint32_t)value)
SETTER(set_probe, attach->probe = (uint8_t)value)
SETTER(set_promiscuous, attach->promiscuous = (uint8_t)value)
SETTER(set_mac, memset(&attach->mac, value, sizeof(attach->mac)))
SETTER(set_path, attach->path = (uint8_t)value)
SETTER(set_firewall, attach->firewall = (uint8_t)value)
SETTER(set_queues, attach->queues = (uint8_t)value)
SETTER(set_offload, attach->offload = (uint8_t)value)
SETTER(set_dhcp, attach->dhcp = (uint8_t)value)
SETTER(set_named, attach->named = (uint8_t)value)
SETTER(set_announce, attach->announce = (uint8_t)value)
SETTER(set_dry_run, attach->dry_run = (uint8_t)value)
SETTER(set_verbose, attach->verbose = (uint8_t)value)
SETTER(set_card, attach->card = (uint8_t)value)
SETTER(set_host_routes, attach->host_routes = (uint8_t)value)
SETTER(set_question, attach->question = (uint8_t)value)

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
	{ "ifindex", set_ifindex, 0 },
	{ "ifindex", set_ifindex, -1 },
	{ NULL, set_ifindex, INT32_MAX },
	{ "host", set_no_host, 0 },
	{ "host", set_host, 0 },
	{ "host", set_host, 1 },
	{ "host", set_host, 2 },
	{ "host", set_host, 3 },
	{ "host", set_host, 4 },
	{ NULL, set_host, 5 },
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
	{ "gateway", set_gateway, 1 },
	{ "gateway", set_gateway, 4 },
	{ NULL, set_gateway, 5 },
	{ "remembered", set_remembered, 1 },
	{ "remembered", set_remembered, 4 },
	{ NULL, set_remembered, 5 },
	{ "avoided", set_avoided, 1 },
	{ "avoided", set_avoided, 4 },
	{ NULL, set_avoided, 5 },
	{ "tap_ifindex", set_tap_ifindex, -1 },
	{ NULL, set_tap_ifindex, INT32_MAX },
	{ NULL, set_probe, PROBE_NONE },
	{ "probe", set_probe, PROBE_NONE + 1 },
	{ "probe", set_probe, 255 },
	{ NULL, set_promiscuous, PROMISCUOUS_OFF },
	{ "promiscuous", set_promiscuous, PROMISCUOUS_OFF + 1 },
	{ "mac", set_mac, 0 },
	{ "mac", set_mac, 1 },
	{ "mac", set_mac, 255 },
	{ NULL, set_mac, 2 },
	{ NULL, set_path, PATH_BRIDGED },
	{ "path", set_path, PATH_BRIDGED + 1 },
	{ NULL, set_firewall, FIREWALL_OFF },
	{ "firewall", set_firewall, FIREWALL_OFF + 1 },
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
	{ NULL, set_named, 1 },
	{ "flags", set_named, 2 },
	{ NULL, set_announce, 1 },
	{ "flags", set_announce, 2 },
	{ NULL, set_dhcp, 1 },
	{ "flags", set_dhcp, 2 },
	{ NULL, set_card, CARDS_MAX - 1 },
	{ "card", set_card, CARDS_MAX },
	{ "card", set_card, 255 },
	{ NULL, set_host_routes, 1 },
	{ "flags", set_host_routes, 2 },
	{ "question", set_question, 1 },
	{ "flags", set_question, 2 },
};

static void test_fields(void **state)
{
	struct attach_record good = good_attach();
	struct error err = { 0 };

	assert_int_equal(protocol_attach_check(&good, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct attach_record attach = good_attach();
		char expected[64] = "";
		int ret;

		memset(&err, 0, sizeof(err));
		fields[i].change(&attach, fields[i].value);
		ret = protocol_attach_check(&attach, &err);
		if (ret != (fields[i].field ? -EINVAL : 0))
			print_error("case %zu: %s\n", i, fields[i].field ? fields[i].field : "-");
		assert_int_equal(ret, fields[i].field ? -EINVAL : 0);
		if (fields[i].field)
			snprintf(expected, sizeof(expected), "request refused: invalid field '%s'",
				 fields[i].field);
		assert_string_equal(err.message, expected);
	}
}

/* A question has its uplink and its user, and nothing else by which it could be a VM. */
static void test_question_fields(void **state)
{
	struct attach_record question = good_attach();
	uint8_t *octets = (uint8_t *)&question;
	struct error err = { 0 };

	question.probe = PROBE_NONE;
	question.path = PATH_ROUTED;
	question.question = 1;
	assert_int_equal(protocol_attach_check(&question, &err), 0);
	question.named = 1;
	assert_int_equal(protocol_attach_check(&question, &err), 0);
	for (size_t i = offsetof(struct attach_record, uuid); i < sizeof(question); i++) {
		const uint8_t good = octets[i];
		const bool free = (i >= offsetof(struct attach_record, owner) &&
				   i < offsetof(struct attach_record, address)) ||
				  (i >= offsetof(struct attach_record, mac) &&
				   i < offsetof(struct attach_record, probe)) ||
				  i == offsetof(struct attach_record, named) ||
				  i == offsetof(struct attach_record, question);

		octets[i] ^= 1;
		if (!free)
			assert_int_equal(protocol_attach_check(&question, &err), -EINVAL);
		octets[i] = good;
	}
	question.question = 0;
	assert_int_equal(protocol_attach_check(&question, &err), 0);
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
		int fds[FDS_MAX];

		protocol_record_init(&sent, (enum record_type)type);
		((char *)&sent)[sizeof(sent.header)] = 'x';
		memset(&received, 0xee, sizeof(received));
		assert_int_equal(protocol_send(ours, &sent, NULL, 0, &err), 0);
		assert_int_equal(protocol_receive(theirs, &received, type % 2 ? fds : NULL, &err),
				 0);
		assert_memory_equal(&sent, &received, sent.header.size);
		for (size_t i = 0; type % 2 && i < FDS_MAX; i++)
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
		int fds[FDS_MAX];
		int ret;

		send_raw(ours, &change, sizeof(change), count);
		ret = protocol_receive(theirs, &record, fds, &err);
		assert_int_equal(ret, count <= FDS_MAX ? 0 : -EPROTO);
		if (ret < 0)
			assert_string_equal(err.message,
					    "malformed record: unexpected descriptors");
		for (size_t i = 0; i < FDS_MAX; i++) {
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
		1, 11, 12, 13, sizeof(struct attach_record), sizeof(union record), sizeof(garbage)
	};
	struct error err = { 0 };
	unsigned int before;

	make_pair(&ours, &theirs);
	before = namespace_count_fds();
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (size_t count = 0; count <= 9; count += 3) {
			union record record;
			int fds[FDS_MAX];

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
		union record record;
		char more;
	} large;
	union record record;
	struct error err = { 0 };

	make_pair(&ours, &theirs);
	memset(&large, 0, sizeof(large));
	protocol_record_init(&large.record, RECORD_FAILED);
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
	int fds[FDS_MAX] = { 0 };
	struct error err = { 0 };

	protocol_record_init(&change, RECORD_CHANGE);
	make_pair(&ours, &theirs);
	assert_int_equal(protocol_send(ours, &change, NULL, 0, &err), 0);
	close(ours);
	ours = -1;
	assert_int_equal(protocol_receive(theirs, &record, NULL, &err), 0);
	assert_int_equal(protocol_receive(theirs, &record, fds, &err), -ECONNRESET);
	for (size_t i = 0; i < FDS_MAX; i++)
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
		cmocka_unit_test(test_init),         cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_header),       cmocka_unit_test(test_unterminated),
		cmocka_unit_test(test_fields),       cmocka_unit_test(test_question_fields),
		cmocka_unit_test(test_clean_fields), cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_descriptors),  cmocka_unit_test(test_descriptors_of_garbage),
		cmocka_unit_test(test_too_large),    cmocka_unit_test(test_end_of_file),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
