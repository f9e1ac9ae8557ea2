// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the DHCP relay between a veth pair, in place of a tap, and a hostile launcher.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "netsetup/kernel/dhcp_socket.h"
#include "netsetup/worker/dhcp_relay.h"
#include "tests/unit/support/range.h"
#include "tests/unit/support/worker.h"

#define DATA_SIZE 300

/* An Ethernet frame with a DHCP packet. */
struct frame {
	struct ether_header ethernet;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t data[DATA_SIZE];
} __attribute__((packed));

#define PACKET_SIZE (sizeof(struct frame) - sizeof(struct ether_header))

static struct frame frame_from(unsigned int source, unsigned int destination)
{
	struct frame frame = { .ethernet = { .ether_type = htons(ETHERTYPE_IP) },
			       .ip = { .version = 4,
				       .ihl = 5,
				       .protocol = IPPROTO_UDP,
				       .tot_len = htons(PACKET_SIZE) },
			       .udp = { .source = htons((uint16_t)source),
					.dest = htons((uint16_t)destination),
					.len = htons(PACKET_SIZE - sizeof(struct iphdr)) },
			       .data = "packet" };

	memcpy(frame.ethernet.ether_shost, &theirs, sizeof(theirs));
	memset(frame.ethernet.ether_dhost, 0xff, ETH_ALEN);
	return frame;
}

static struct dhcp_record answer_to(const struct ether_addr *guest)
{
	const struct frame frame = frame_from(67, 68);
	struct dhcp_record record;

	protocol_record_init(&record, RECORD_DHCP);
	record.mac = *guest;
	record.size = PACKET_SIZE;
	memcpy(record.packet, &frame.ip, PACKET_SIZE);
	return record;
}

/* The guest's network card on the far end of the veth pair. */
static int open_guest(void)
{
	const struct sockaddr_ll address = { .sll_family = AF_PACKET,
					     .sll_protocol = htons(ETHERTYPE_IP),
					     .sll_ifindex = (int)if_nametoindex("e0-p") };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Makes a relay; returns the launcher's end. */
static int open_relay(struct dhcp_relay *relay)
{
	struct error err;
	int sockets[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	relay->tap = dhcp_socket_open(if_nametoindex("e0"), &err);
	relay->client = sockets[0];
	relay->mac = ours;
	assert_true(relay->tap >= 0);
	return sockets[1];
}

static void send_frame(int guest, const struct frame *frame)
{
	assert_int_equal(send(guest, frame, sizeof(*frame), 0), sizeof(*frame));
}

static bool is_closed(const struct dhcp_relay *relay)
{
	return relay->tap < 0 && relay->client < 0;
}

/* Relays the guest's DHCP, and no other packet. */
static void from_guest(void)
{
	struct frame good = frame_from(68, 67), frame;
	struct dhcp_record record;
	cleanup_fd int guest = open_guest();
	struct dhcp_relay relay;
	cleanup_fd int launcher = open_relay(&relay);

	/* The good one after the bad ones shows that these are dropped, not late. */
	frame = frame_from(68, 68);
	send_frame(guest, &frame);
	frame = good;
	frame.ip.protocol = IPPROTO_TCP;
	send_frame(guest, &frame);
	frame = good;
	frame.ip.frag_off = htons(IP_MF);
	send_frame(guest, &frame);
	frame = good;
	frame.ethernet.ether_type = htons(ETHERTYPE_IPV6);
	send_frame(guest, &frame);
	send_frame(guest, &good);
	dhcp_relay_from_guest(&relay);
	assert_int_equal(recv(launcher, &record, sizeof(record), MSG_DONTWAIT), sizeof(record));
	assert_int_equal(record.header.type, RECORD_DHCP);
	assert_int_equal(record.size, PACKET_SIZE);
	assert_memory_equal(&record.mac, &theirs, sizeof(theirs));
	assert_memory_equal(record.packet, &good.ip, PACKET_SIZE);
	assert_int_equal(record.checksum_unfinished, 0);
	assert_int_equal(recv(launcher, &record, sizeof(record), MSG_DONTWAIT), -1);

	/* A flood is read in parts, and a launcher that does not read loses packets. */
	for (int i = 0; i < 1000; i++)
		send(guest, &good, sizeof(good), 0);
	for (int i = 0; i < 100; i++)
		dhcp_relay_from_guest(&relay);
	assert_false(is_closed(&relay));
	assert_int_equal(recv(launcher, &record, sizeof(record), MSG_DONTWAIT), sizeof(record));
	dhcp_relay_close(&relay);
	assert_true(is_closed(&relay));
}

static void test_from_guest(void **state)
{
	namespace_test(from_guest);
}

/* The frame comes from the tap's MAC, and goes to the record's. */
static void to_guest(void)
{
	struct dhcp_record record = answer_to(&theirs);
	cleanup_fd int guest = open_guest();
	struct dhcp_relay relay;
	cleanup_fd int launcher = open_relay(&relay);
	struct frame frame;
	unsigned int count = 0;

	assert_int_equal(send(launcher, &record, sizeof(record), 0), sizeof(record));
	dhcp_relay_from_client(&relay);
	assert_int_equal(recv(guest, &frame, sizeof(frame), MSG_TRUNC), sizeof(frame));
	assert_memory_equal(frame.ethernet.ether_shost, &ours, sizeof(ours));
	assert_memory_equal(frame.ethernet.ether_dhost, &theirs, sizeof(theirs));
	assert_int_equal(frame.ethernet.ether_type, htons(ETHERTYPE_IP));
	assert_memory_equal(&frame.ip, record.packet, PACKET_SIZE);

	/* A launcher's flood is read in parts. */
	while (send(launcher, &record, sizeof(record), MSG_DONTWAIT) > 0)
		count++;
	assert_true(count > 20);
	dhcp_relay_from_client(&relay);
	for (count = 0; recv(guest, &frame, sizeof(frame), 0) > 0;)
		count++;
	assert_uint_in_range(count, 1, 16);
	assert_false(is_closed(&relay));

	/* A tap that is down is no reason to close. */
	assert_int_equal(namespace_run("ip link set e0 down"), 0);
	dhcp_relay_from_guest(&relay);
	dhcp_relay_from_client(&relay);
	assert_false(is_closed(&relay));

	/* End-of-file, after the records before it. */
	close(take_fd(&launcher));
	for (int i = 0; i < 20; i++)
		if (!is_closed(&relay))
			dhcp_relay_from_client(&relay);
	assert_true(is_closed(&relay));
}

static void test_to_guest(void **state)
{
	namespace_test(to_guest);
}

/* Fields that the launcher must not choose: each octet is changed. */
static void test_check(void **state)
{
	struct dhcp_record record = answer_to(&theirs);
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = {
		{ 0, 0x46 }, { 0, 0x65 }, { 2, 9 },   { 3, 0 },   { 6, 0x20 }, { 7, 1 },
		{ 9, 6 },    { 21, 68 },  { 23, 67 }, { 23, 53 }, { 24, 9 },   { 25, 0 },
	};

	assert_true(dhcp_relay_check(&record));
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		const uint8_t before = record.packet[changes[i].at];

		record.packet[changes[i].at] = changes[i].value;
		if (dhcp_relay_check(&record))
			fail_msg("octet %zu", changes[i].at);
		record.packet[changes[i].at] = before;
	}
	for (uint32_t size = 0; size <= DHCP_PACKET_MAX + 2; size++) {
		record.size = size;
		assert_int_equal(dhcp_relay_check(&record), size == PACKET_SIZE);
	}
	record.size = UINT32_MAX;
	assert_false(dhcp_relay_check(&record));
}

/* Opens a TCP socket that nobody reads from, and that lingers at its last close(). */
static int lingering(int *peer)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	const struct linger linger = { 1, 1000 };
	static const char octets[65536];
	socklen_t size = sizeof(here);
	cleanup_fd int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&here, &size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	*peer = accept(listener, NULL, NULL);
	assert_true(*peer >= 0);
	while (send(fd, octets, sizeof(octets), MSG_DONTWAIT) > 0)
		continue;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	return fd;
}

static void send_with_fd(int launcher, const struct dhcp_record *record, int fd)
{
	struct iovec data = { (void *)record, sizeof(*record) };
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control.space,
				  .msg_controllen = sizeof(control) };

	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	assert_int_equal(sendmsg(launcher, &message, 0), sizeof(*record));
}

/* Any other record closes the relay; the guest gets nothing. */
static void hostile(void)
{
	const struct dhcp_record good = answer_to(&theirs);
	cleanup_fd int guest = open_guest();
	uint8_t frame[2000];

	for (int i = 0; i < 6; i++) {
		struct dhcp_record records[2] = { good, good };
		size_t size = sizeof(good);
		struct dhcp_relay relay;
		cleanup_fd int launcher = open_relay(&relay);

		if (i == 0)
			records[0].size = DHCP_PACKET_MAX + 1;
		if (i == 1)
			records[0].packet[23] = 53;
		if (i == 2)
			records[0].header.type = RECORD_WITHDRAW;
		if (i == 3)
			size--;
		if (i == 4)
			size = sizeof(records);
		if (i == 5)
			size = 0;
		assert_int_equal(send(launcher, records, size, 0), size);
		dhcp_relay_from_client(&relay);
		if (!is_closed(&relay))
			fail_msg("record %d", i);
		assert_int_equal(recv(guest, frame, sizeof(frame), 0), -1);
	}
}

static void test_hostile(void **state)
{
	namespace_test(hostile);
}

/* A descriptor whose close waits delays the worker by moments, wherever it is in the queue. */
static void slow(void)
{
	const struct dhcp_record good = answer_to(&theirs);

	for (int i = 0; i < 3; i++) {
		struct dhcp_relay relay;
		cleanup_fd int launcher = open_relay(&relay);
		cleanup_fd int peer = -1;
		const int fd = lingering(&peer);
		const struct dhcp_record bad = { .header = { .magic = 1 } };
		uint64_t start;

		if (i == 1)
			assert_int_equal(send(launcher, &bad, sizeof(bad), 0), sizeof(bad));
		send_with_fd(launcher, &good, fd);
		close(fd);
		close(take_fd(&launcher));
		start = monotonic_ms();
		if (i < 2)
			dhcp_relay_from_client(&relay);
		else
			dhcp_relay_close(&relay);
		assert_true(is_closed(&relay));
		assert_uint_in_range(monotonic_ms() - start, 0, 2000);
	}
}

static void test_slow(void **state)
{
	/* Under valgrind no signal ends a close(2). */
	if (getenv("VMRUN_VALGRIND"))
		skip();
	namespace_test(slow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_guest), cmocka_unit_test(test_to_guest),
		cmocka_unit_test(test_check),      cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_slow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
