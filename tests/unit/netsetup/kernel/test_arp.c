// SPDX-License-Identifier: GPL-2.0-or-later
// Parses, makes and sends ARP packets, over veths in a namespace.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/arp.h"
#include "tests/unit/support/namespace.h"
#include "tests/unit/support/packet.h"

/* A reply of 192.168.7.1 to 192.168.7.5 without link-layer header, with some padding. */
static const uint8_t reply[] = {
	0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x02,       /* Ethernet, IPv4, 6, 4, reply */
	0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 192,  168,  7, 1, /* sender */
	0x02, 0x00, 0x00, 0x00, 0x00, 0x05, 192,  168,  7, 5, /* target */
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};
#define ARP_SIZE sizeof(struct ether_arp)

static struct in_addr address(const char *text)
{
	struct in_addr parsed;

	assert_true(ipv4_parse(text, &parsed));
	return parsed;
}

static void test_parse(void **state)
{
	const struct ether_addr sender = { { 2, 0, 0, 0, 0, 1 } };
	const struct ether_addr target = { { 2, 0, 0, 0, 0, 5 } };
	struct arp arp;

	for (size_t size = ARP_SIZE; size <= sizeof(reply); size++) {
		memset(&arp, 0xee, sizeof(arp));
		assert_int_equal(arp_parse(reply, size, &arp), 0);
		assert_int_equal(arp.operation, ARPOP_REPLY);
		assert_memory_equal(&arp.sender_mac, &sender, sizeof(sender));
		assert_memory_equal(&arp.target_mac, &target, sizeof(target));
		assert_true(ipv4_equal(arp.sender, address("192.168.7.1")));
		assert_true(ipv4_equal(arp.target, address("192.168.7.5")));
	}
}

/* Every truncation, in memory that ends there; a failure must not touch the fields. */
static void test_truncated(void **state)
{
	struct arp before, arp;

	memset(&before, 0xee, sizeof(before));
	arp = before;
	for (size_t size = 0; size < ARP_SIZE; size++) {
		uint8_t *packet = malloc(size ? size : 1);

		assert_non_null(packet);
		memcpy(packet, reply, size);
		assert_int_equal(arp_parse(packet, size, &arp), -EPROTO);
		assert_memory_equal(&arp, &before, sizeof(arp));
		free(packet);
	}
}

/* Every value of each fixed octet: other hardware, protocols, lengths and operations. */
static void test_other_kinds(void **state)
{
	for (size_t at = 0; at < 8; at++) {
		for (unsigned int value = 0; value < 256; value++) {
			uint8_t packet[ARP_SIZE];
			bool good = value == reply[at] || (at == 7 && value == ARPOP_REQUEST);
			struct arp arp;

			memcpy(packet, reply, sizeof(packet));
			packet[at] = (uint8_t)value;
			assert_int_equal(arp_parse(packet, sizeof(packet), &arp),
					 good ? 0 : -EPROTO);
		}
	}
}

static void test_make(void **state)
{
	const struct ether_addr mac = { { 2, 0, 0, 0, 0, 9 } };
	const struct ether_addr no_mac = { { 0 } };
	char text[ARP_MAC_TEXT_SIZE];
	struct arp arp;

	/* RFC 5227 section 2.1.1: the sender's address and the target's MAC are zero. */
	arp = arp_probe(&mac, address("192.168.7.9"));
	assert_int_equal(arp.operation, ARPOP_REQUEST);
	assert_memory_equal(&arp.sender_mac, &mac, sizeof(mac));
	assert_true(ipv4_unset(arp.sender));
	assert_memory_equal(&arp.target_mac, &no_mac, sizeof(mac));
	assert_true(ipv4_equal(arp.target, address("192.168.7.9")));

	/* Section 2.3: sender and target are the address. */
	arp = arp_announcement(&mac, address("192.168.7.9"));
	assert_int_equal(arp.operation, ARPOP_REQUEST);
	assert_memory_equal(&arp.sender_mac, &mac, sizeof(mac));
	assert_true(ipv4_equal(arp.sender, address("192.168.7.9")));
	assert_true(ipv4_equal(arp.target, address("192.168.7.9")));

	assert_string_equal(arp_mac_text(&mac, text), "02:00:00:00:00:09");
	assert_string_equal(
		arp_mac_text(&(struct ether_addr){ { 0xff, 0xab, 0, 1, 0x10, 0xfe } }, text),
		"ff:ab:00:01:10:fe");
}

static int wait_packet(int socket, struct arp *arp)
{
	struct pollfd poller = { .fd = socket, .events = POLLIN };

	assert_int_equal(poll(&poller, 1, 60000), 1);
	return arp_receive(socket, arp);
}

/* Broadcasts bytes unchanged. */
static void send_bytes(int socket, const char *ifname, unsigned int protocol, const void *data,
		       size_t size)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons((uint16_t)protocol),
				  .sll_ifindex = (int)if_nametoindex(ifname),
				  .sll_halen = ETH_ALEN };

	memset(to.sll_addr, 0xff, ETH_ALEN);
	assert_int_equal(sendto(socket, data, size, 0, (struct sockaddr *)&to, sizeof(to)), size);
}

/* The far end receives each ARP packet; no socket receives other packets or its own. */
static void wire(void)
{
	const unsigned int near = if_nametoindex("e0"), far = if_nametoindex("e0-p");
	const struct ether_addr mac = { { 2, 0, 0, 0, 0, 9 } };
	struct ether_arp other;
	struct error err = { 0 };
	struct arp sent, received;
	cleanup_fd int here = -1;
	cleanup_fd int beside = -1;
	cleanup_fd int there = -1;
	cleanup_fd int raw = -1;

	/* The kernel sends no ARP of its own on these interfaces. */
	assert_int_equal(namespace_run("ip link set e0 arp off address 02:00:00:00:00:09 && "
				       "ip link set e0-p arp off"),
			 0);
	raw = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	here = arp_socket_open(near, &err);
	there = arp_socket_open(far, &err);
	beside = arp_socket_open(near, &err);
	assert_true(raw >= 0 && here >= 0 && there >= 0 && beside >= 0);
	assert_int_equal(arp_receive(here, &received), -EAGAIN);

	sent = arp_probe(&mac, address("192.168.7.9"));
	assert_int_equal(arp_send(here, &sent, &err), 0);
	assert_int_equal(wait_packet(there, &received), 0);
	assert_int_equal(received.operation, ARPOP_REQUEST);
	assert_true(ipv4_unset(received.sender));
	assert_true(ipv4_equal(received.target, address("192.168.7.9")));
	assert_memory_equal(&received.sender_mac, &mac, sizeof(mac));

	/* The good packet after the bad ones shows that these are dropped, not late. */
	memcpy(&other, reply, sizeof(other));
	other.arp_hrd = htons(ARPHRD_IEEE802);
	send_bytes(raw, "e0", ETHERTYPE_ARP, &other, sizeof(other));
	memcpy(&other, reply, sizeof(other));
	other.arp_hln = 8;
	send_bytes(raw, "e0", ETHERTYPE_ARP, &other, sizeof(other));
	memcpy(&other, reply, sizeof(other));
	other.arp_op = htons(ARPOP_InREPLY);
	send_bytes(raw, "e0", ETHERTYPE_ARP, &other, sizeof(other));
	send_bytes(raw, "e0", ETHERTYPE_ARP, reply, 3);
	send_bytes(raw, "e0", ETHERTYPE_ARP, reply, ARP_SIZE - 1);
	send_bytes(raw, "e0", ETHERTYPE_IP, reply, sizeof(reply));
	sent = arp_announcement(&mac, address("192.168.7.10"));
	assert_int_equal(arp_send(here, &sent, &err), 0);
	assert_int_equal(wait_packet(there, &received), 0);
	assert_true(ipv4_equal(received.sender, address("192.168.7.10")));
	assert_int_equal(arp_receive(there, &received), -EAGAIN);
	/* The frame that leaves reaches no other socket; arp_receive() would skip it. */
	assert_int_equal(recv(beside, &other, sizeof(other), MSG_DONTWAIT), -1);

	/* A reply goes to its target only; the packet socket receives it for any MAC. */
	sent.operation = ARPOP_REPLY;
	sent.target_mac = mac;
	assert_int_equal(arp_send(there, &sent, &err), 0);
	assert_int_equal(wait_packet(here, &received), 0);
	assert_int_equal(received.operation, ARPOP_REPLY);

	/* An interface that goes down returns an error once. */
	assert_int_equal(namespace_run("ip link set e0 down"), 0);
	assert_int_equal(arp_receive(here, &received), -ENETDOWN);
	assert_int_equal(arp_send(here, &sent, &err), -ENETDOWN);
	assert_int_equal(arp_socket_open(4711, &err), -ENODEV);
}

static void test_wire(void **state)
{
	namespace_test(wire);
}

/* ARP of a VLAN is not the uplink's, though the kernel takes the tag off; that of VLAN 0 is. */
static void vlans(void)
{
	const struct ether_addr mac = { { 2, 0, 0, 0, 0, 9 } };
	const struct arp sent = arp_announcement(&mac, address("192.168.7.10"));
	uint8_t tagged[ARP_SIZE + 4] = { 0, 5, ETHERTYPE_ARP >> 8, ETHERTYPE_ARP & 0xff };
	struct arp received;
	struct error err = { 0 };
	cleanup_fd int raw = -1;
	cleanup_fd int here = -1;
	cleanup_fd int there = -1;

	assert_int_equal(namespace_run("ip link set e0 arp off && ip link set e0-p arp off"), 0);
	raw = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	here = arp_socket_open(if_nametoindex("e0"), &err);
	there = arp_socket_open(if_nametoindex("e0-p"), &err);
	assert_true(raw >= 0 && here >= 0 && there >= 0);
	memcpy(tagged + 4, reply, ARP_SIZE);
	send_bytes(raw, "e0-p", ETHERTYPE_VLAN, tagged, sizeof(tagged));
	assert_int_equal(arp_send(there, &sent, &err), 0);
	assert_int_equal(wait_packet(here, &received), 0);
	assert_true(ipv4_equal(received.sender, address("192.168.7.10")));
	tagged[1] = 0;
	send_bytes(raw, "e0-p", ETHERTYPE_VLAN, tagged, sizeof(tagged));
	assert_int_equal(wait_packet(here, &received), 0);
	assert_int_equal(received.operation, ARPOP_REPLY);
}

static void test_vlans(void **state)
{
	namespace_test(vlans);
}

/* Packets that the owner of 192.168.7.9 receives (@seen) or does not. */
static const struct {
	unsigned int operation;
	const char *sender;
	const char *target;
	bool seen;
} overheard[] = {
	{ ARPOP_REQUEST, "192.168.7.1", "192.168.7.9", false },
	{ ARPOP_REQUEST, "192.168.7.1", "192.168.7.2", false },
	{ ARPOP_REQUEST, "0.0.0.0", "192.168.7.9", true },
	{ ARPOP_REQUEST, "0.0.0.0", "192.168.7.10", false },
	{ ARPOP_REQUEST, "192.168.7.9", "192.168.7.1", true },
	{ ARPOP_REQUEST, "192.168.7.9", "192.168.7.9", true },
	{ ARPOP_REPLY, "192.168.7.9", "192.168.7.1", true },
	{ ARPOP_REPLY, "192.168.7.8", "192.168.7.9", false },
	{ ARPOP_REPLY, "9.7.168.192", "192.168.7.9", false },
};

/* A packet that passes the filter follows each packet, so a missing one is dropped, not late. */
static void listen_for_one(void)
{
	const unsigned int near = if_nametoindex("e0"), far = if_nametoindex("e0-p");
	const struct ether_addr mac = { { 2, 0, 0, 0, 0, 9 } };
	struct error err = { 0 };
	cleanup_fd int here = -1;
	cleanup_fd int there = -1;

	assert_int_equal(namespace_run("ip link set e0 arp off address 02:00:00:00:00:09 && "
				       "ip link set e0-p arp off"),
			 0);
	here = arp_socket_open(near, &err);
	there = arp_socket_open(far, &err);
	assert_true(here >= 0 && there >= 0);
	assert_int_equal(arp_socket_listen(here, address("192.168.7.9"), &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(overheard); i++) {
		const struct arp mark = arp_announcement(&mac, address("192.168.7.9"));
		struct arp received, sent = { .operation = overheard[i].operation,
					      .sender_mac = mac,
					      .sender = address(overheard[i].sender),
					      .target = address(overheard[i].target),
					      .target_mac = mac };

		/* A socket never receives its own packets. */
		assert_int_equal(arp_send(here, &mark, &err), 0);
		assert_int_equal(arp_send(there, &sent, &err), 0);
		assert_int_equal(arp_send(there, &mark, &err), 0);
		assert_int_equal(wait_packet(here, &received), 0);
		if (overheard[i].seen) {
			assert_int_equal(received.operation, sent.operation);
			assert_true(ipv4_equal(received.target, sent.target));
			assert_int_equal(wait_packet(here, &received), 0);
		}
		if (!ipv4_equal(received.sender, mark.sender) ||
		    !ipv4_equal(received.target, mark.target))
			fail_msg("packet %zu", i);
		assert_int_equal(arp_receive(here, &received), -EAGAIN);
	}
	/* All packets pass again, as the allocation of another address needs. */
	assert_int_equal(arp_socket_listen(here, (struct in_addr){ INADDR_ANY }, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(overheard); i++) {
		struct arp received, sent = { .operation = overheard[i].operation,
					      .sender_mac = mac,
					      .sender = address(overheard[i].sender),
					      .target = address(overheard[i].target),
					      .target_mac = mac };

		assert_int_equal(arp_send(there, &sent, &err), 0);
		assert_int_equal(wait_packet(here, &received), 0);
		assert_true(ipv4_equal(received.sender, sent.sender));
	}
}

static void test_listen_for_one(void **state)
{
	namespace_test(listen_for_one);
}

static void test_answer(void **state)
{
	const struct ether_addr mac = { { 2, 0, 0, 0, 0, 9 } };
	const struct arp probe = arp_probe(&mac, address("192.168.7.9"));
	const struct ether_addr ours = { { 2, 0, 0, 0, 0, 1 } };
	const struct arp answer = arp_answer(&ours, address("192.168.7.9"), &probe);

	assert_int_equal(answer.operation, ARPOP_REPLY);
	assert_memory_equal(&answer.sender_mac, &ours, sizeof(ours));
	assert_true(ipv4_equal(answer.sender, address("192.168.7.9")));
	assert_memory_equal(&answer.target_mac, &mac, sizeof(mac));
	assert_true(ipv4_unset(answer.target));
}

/* A flood of useless packets does not block the caller; frames of other protocols are skipped. */
static void test_flood(void **state)
{
	const size_t count = 150;
	unsigned int turns = 0;
	struct {
		struct ether_header ethernet;
		uint8_t packet[ARP_SIZE];
	} frame = { .ethernet = { .ether_type = htons(ETHERTYPE_ARP) } };
	struct arp arp;
	int sockets[2];

	memcpy(frame.packet, reply, sizeof(frame.packet));
	frame.packet[7] = 9; /* an unknown operation */
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, sockets), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(send(sockets[1], &frame, sizeof(frame), 0), sizeof(frame));
	frame.packet[7] = reply[7];
	frame.ethernet.ether_type = htons(ETHERTYPE_IP);
	frame.packet[17]++; /* 192.168.7.2 */
	assert_int_equal(send(sockets[1], &frame, sizeof(frame), 0), sizeof(frame));
	frame.packet[17]--;
	frame.ethernet.ether_type = htons(ETHERTYPE_ARP);
	assert_int_equal(send(sockets[1], &frame, sizeof(frame) - 1, 0), sizeof(frame) - 1);
	assert_int_equal(send(sockets[1], &frame, sizeof(frame), 0), sizeof(frame));
	while (arp_receive(sockets[0], &arp) == -EAGAIN)
		assert_true(++turns < count);
	assert_true(turns > 1);
	assert_true(ipv4_equal(arp.sender, address("192.168.7.1")));
	assert_int_equal(arp_receive(sockets[0], &arp), -EAGAIN);
	close(sockets[0]);
	close(sockets[1]);
}

/* A request is broadcast, a reply goes to its target; both come from the sender's MAC. */
static void ethernet(void)
{
	const struct ether_addr mac = { { 2, 0, 0, 0, 0, 9 } }, other = { { 2, 0, 0, 0, 0, 8 } };
	const struct ether_addr everyone = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
	struct sockaddr_ll near = { .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_ARP) };
	struct arp sent = arp_announcement(&mac, address("192.168.7.9"));
	struct ether_header header;
	struct error err;
	cleanup_fd int here = -1;
	cleanup_fd int there = -1;

	assert_int_equal(namespace_run("ip link set e0 arp off address 02:00:00:00:00:09 && "
				       "ip link set e0-p arp off"),
			 0);
	near.sll_ifindex = (int)if_nametoindex("e0-p");
	here = arp_socket_open(if_nametoindex("e0"), &err);
	there = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(there, (struct sockaddr *)&near, sizeof(near)), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(arp_send(here, &sent, &err), 0);
		assert_true(recv(there, &header, sizeof(header), MSG_TRUNC) >= 42);
		assert_int_equal(header.ether_type, htons(ETHERTYPE_ARP));
		assert_memory_equal(header.ether_shost, &mac, sizeof(mac));
		assert_memory_equal(header.ether_dhost, i ? &other : &everyone, sizeof(other));
		sent.operation = ARPOP_REPLY;
		sent.target_mac = other;
	}
}

static void test_ethernet(void **state)
{
	namespace_test(ethernet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),       cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_other_kinds), cmocka_unit_test(test_make),
		cmocka_unit_test(test_wire),        cmocka_unit_test(test_listen_for_one),
		cmocka_unit_test(test_answer),      cmocka_unit_test(test_flood),
		cmocka_unit_test(test_ethernet),    cmocka_unit_test(test_vlans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
