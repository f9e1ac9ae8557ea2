// SPDX-License-Identifier: GPL-2.0-or-later
// Sends a guest's frames through the kernel's table, and changes it as owner and stranger.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/tap.h"
#include "netsetup/table/gate.h"
#include "netsetup/table/layout.h"
#include "netsetup/table/table.h"
#include "tests/unit/support/namespace.h"

#define ADDRESS   "192.168.7.10"
#define FRAME_MAX 128

#define ETH(high, low) \
	0x02, 0, 0, 0x77, 0, 1, 0x52, 0x54, 0, 0, 0, 9, high, low /* to the tap, from the guest */
#define OWN    192, 168, 7, 10
#define LAN    192, 168, 7, 20
#define NONE   0, 0, 0, 0
#define LENGTH 0, 0 /* of the packet, set by length() */

/* From the version on: header length, length, protocol, source, destination, four octets more. */
#define IPV4(first, protocol, ...) \
	ETH(8, 0), first, 0, LENGTH, 0, 0, 0, 0, 64, protocol, 0, 0, __VA_ARGS__
#define ARP(operation, ...) ETH(8, 6), 0, 1, 8, 0, 6, 4, 0, operation, __VA_ARGS__
#define MAC(last)           0x52, 0x54, 0, 0, 0, last
#define UDP(from, to)       0, from, 0, to, 0, 8, 0, 0

#define FRAME(...) { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })

static const struct {
	const char *what;
	bool passes;
	uint8_t frame[FRAME_MAX];
	size_t size;
} frames[] = {
	{ "its own", true, FRAME(IPV4(0x45, 1, OWN, LAN, 8, 0, 0, 0, 0, 0, 0, 0)) },
	{ "its own, the last octet of a fragmented packet", true,
	  FRAME(IPV4(0x45, 1, OWN, LAN, 8)) },
	{ "its own, nothing but a header", true, FRAME(IPV4(0x45, 1, OWN, LAN)) },
	{ "its own, to everybody", true,
	  FRAME(IPV4(0x45, 17, OWN, 255, 255, 255, 255, UDP(9, 9))) },
	{ "its own, with options", true,
	  FRAME(IPV4(0x4f, 1, OWN, LAN, 7, 3, 4, 0, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
		     NONE)) },
	{ "another's", false, FRAME(IPV4(0x45, 1, LAN, LAN, 8, 0, 0, 0, 0, 0, 0, 0)) },
	{ "the router's", false, FRAME(IPV4(0x45, 1, 192, 168, 7, 1, LAN, 8, 0)) },
	{ "the host's", false, FRAME(IPV4(0x45, 1, 192, 168, 7, 5, LAN, 8, 0)) },
	{ "loopback", false, FRAME(IPV4(0x45, 1, 127, 0, 0, 1, LAN, 8, 0)) },
	{ "to loopback", false, FRAME(IPV4(0x45, 1, OWN, 127, 0, 0, 1, 8, 0)) },
	{ "to a group", false, FRAME(IPV4(0x45, 1, OWN, 239, 0, 0, 1, 8, 0)) },
	{ "to another network's broadcast", false, FRAME(IPV4(0x45, 1, OWN, 10, 9, 0, 255, 8, 0)) },
	{ "to its network's broadcast", true, FRAME(IPV4(0x45, 1, OWN, 192, 168, 7, 255, 8, 0)) },
	{ "a group's", false, FRAME(IPV4(0x45, 1, 224, 0, 0, 1, LAN, 8, 0)) },
	{ "everybody's", false, FRAME(IPV4(0x45, 1, 255, 255, 255, 255, LAN, 8, 0)) },
	{ "nobody's", false, FRAME(IPV4(0x45, 1, NONE, LAN, 8, 0, 0, 0, 0, 0, 0, 0)) },
	{ "DHCP from nobody", false, FRAME(IPV4(0x45, 17, NONE, 255, 255, 255, 255, UDP(68, 67))) },
	{ "DHCP from its own", false, FRAME(IPV4(0x45, 17, OWN, 192, 168, 7, 1, UDP(68, 67))) },
	{ "DHCP behind options", false,
	  FRAME(IPV4(0x46, 17, OWN, 192, 168, 7, 1, 1, 1, 1, 1, UDP(68, 67))) },
	{ "a DHCP answer", false, FRAME(IPV4(0x45, 17, OWN, 255, 255, 255, 255, UDP(67, 68))) },
	{ "a DNS question", true, FRAME(IPV4(0x45, 17, OWN, 192, 168, 7, 1, UDP(68, 53))) },
	{ "UDP from nobody, a long header and no more", false, FRAME(IPV4(0x4f, 17, NONE, NONE)) },
	{ "UDP from nobody, a short header", false,
	  FRAME(IPV4(0x40, 17, NONE, NONE, 0, 67, 0, 67, 0, 67, 0, 67)) },
	{ "its own, a short header", false, FRAME(IPV4(0x44, 17, OWN, LAN, 0, 67, 0, 67)) },
	{ "its own, a header longer than the packet", false, FRAME(IPV4(0x4f, 1, OWN, LAN, 7)) },
	{ "another's, of no version", false, FRAME(IPV4(0x00, 1, LAN, OWN, OWN, OWN)) },
	{ "one octet short of a header", false, FRAME(IPV4(0x45, 1, OWN, 192, 168, 7)) },

	{ "a request", true, FRAME(ARP(1, MAC(9), OWN, NONE, 0, 0, LAN)) },
	{ "a probe", true, FRAME(ARP(1, MAC(9), NONE, NONE, 0, 0, OWN)) },
	{ "an announcement", true, FRAME(ARP(1, MAC(9), OWN, NONE, 0, 0, OWN)) },
	{ "a reply", true, FRAME(ARP(2, MAC(9), OWN, MAC(1), LAN)) },
	{ "a request, padded", true, FRAME(ARP(1, MAC(9), OWN, NONE, 0, 0, LAN, NONE, NONE)) },
	{ "a request for another", false, FRAME(ARP(1, MAC(9), LAN, NONE, 0, 0, OWN)) },
	{ "a request by another's MAC", true, FRAME(ARP(1, MAC(8), OWN, NONE, 0, 0, LAN)) },
	{ "a reply for another", false, FRAME(ARP(2, MAC(9), 192, 168, 7, 1, MAC(1), LAN)) },
	{ "an announcement of another", false, FRAME(ARP(1, MAC(9), LAN, NONE, 0, 0, LAN)) },
	{ "another operation", false, FRAME(ARP(8, MAC(9), OWN, NONE, 0, 0, LAN)) },

	{ "IPv6", false, FRAME(ETH(0x86, 0xdd), 0x60, 0, 0, 0, 0, 0, 58, 255, OWN, OWN, OWN, OWN) },
	{ "802.1Q", false, FRAME(ETH(0x81, 0), 0, 5, 8, 0, 0x45, 0, 0, 28, OWN, OWN, OWN, OWN) },
	{ "802.1ad", false, FRAME(ETH(0x88, 0xa8), 0, 5, 0x81, 0, 0, 5, 8, 0, OWN, OWN, OWN, OWN) },
	{ "LLDP", false, FRAME(ETH(0x88, 0xcc), OWN, OWN, OWN, OWN, OWN, OWN, OWN, OWN) },
	{ "STP", false, FRAME(ETH(0, 38), 0x42, 0x42, 3, OWN, OWN, OWN, OWN, OWN, OWN, OWN) },
	{ "RARP", false, FRAME(ETH(0x80, 0x35), OWN, OWN, OWN, OWN, OWN, OWN, OWN, OWN) },
	{ "nothing but an Ethernet header", false, FRAME(ETH(8, 0)) },
};

/* A frame that a packet socket for one of these types receives has passed the table. */
static const uint16_t types[] = { ETHERTYPE_IP,     ETHERTYPE_ARP, ETHERTYPE_IPV6, ETHERTYPE_VLAN,
				  ETHERTYPE_REVARP, 0x88a8,        0x88cc,         0x0004 };

static struct error err;
static struct table table;
static struct table_vm vm;
static int tap, ears[sizeof(types) / sizeof(types[0])];
static int gate;

static struct in_addr ip(const char *text)
{
	struct in_addr address;

	assert_true(ipv4_parse(text, &address));
	return address;
}

static struct table_vm vm_of(const char *name, uint8_t last, const char *address)
{
	return (struct table_vm){ .tap = { name, if_nametoindex(name) },
				  .mac = { { MAC(last) } },
				  .address = ip(address),
				  .path = TABLE_ROUTED };
}

static void open_table(void)
{
	unsigned int ifindex = 0;

	table = (struct table){ .owner = -1, .uplink = { "e0", if_nametoindex("e0") } };
	assert_int_equal(netlink_open(NETLINK_ROUTE, &table.route, &err), 0);
	gate = gate_open(table.route, table.uplink, &ifindex, &err);
	assert_true(gate >= 0);
	assert_int_equal(table_open(&table, &err), 0);
	assert_int_equal(table_bridge(&table, ifindex, &err), 0);
	assert_int_equal(tap_open("vmr-x", 1, false, &tap, &err), 0);
	assert_int_equal(namespace_run("ip addr add 10.9.0.2/24 brd + dev e0-p &&"
				       "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 &&"
				       "ip link set vmr-x address 02:00:00:77:00:01 up"),
			 0);
	assert_int_equal(table_refresh(&table, &err), 0);
	vm = vm_of("vmr-x", 9, ADDRESS);
	assert_int_equal(table_vm_set(&table, &vm, &err), 0);
}

static void close_table(void)
{
	close(table.owner);
	close(gate);
	close(tap);
	nl_socket_free(table.route);
}

static void listen_at_tap(void)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const struct sockaddr_ll address = { .sll_family = AF_PACKET,
						     .sll_protocol = htons(types[i]),
						     .sll_ifindex = (int)vm.tap.ifindex };

		ears[i] = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
		assert_int_equal(bind(ears[i], (const struct sockaddr *)&address, sizeof(address)),
				 0);
	}
}

/* The kernel has received a frame when it is written (tun_rx_batched() in drivers/net/tun.c). */
static bool passes(const uint8_t *frame, size_t size)
{
	uint8_t octets[FRAME_MAX];
	bool heard = false;

	if (write(tap, frame, size) < 0)
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		while (recv(ears[i], octets, sizeof(octets), MSG_DONTWAIT) > 0)
			heard = true;
	return heard;
}

/* Sets the length of an IPv4 packet. */
static void length(uint8_t *frame, size_t size)
{
	if (frame[12] == 8 && frame[13] == 0 && size > 17)
		frame[17] = (uint8_t)(size - ETH_HLEN);
}

static void check_frames(void)
{
	open_table();
	listen_at_tap();
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		uint8_t frame[FRAME_MAX];

		memcpy(frame, frames[i].frame, sizeof(frame));
		length(frame, frames[i].size);
		if (passes(frame, frames[i].size) != frames[i].passes)
			fail_msg("%s: %s", frames[i].what, frames[i].passes ? "dropped" : "passed");
	}
	close_table();
}

static void test_frames(void **state)
{
	namespace_test(check_frames);
}

/* A frame that is cut never passes if the whole frame does not. */
static void check_truncated(void)
{
	open_table();
	listen_at_tap();
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		for (size_t size = 1; size < frames[i].size; size++) {
			uint8_t frame[FRAME_MAX];

			memcpy(frame, frames[i].frame, sizeof(frame));
			length(frame, frames[i].size);
			if (passes(frame, size) && !frames[i].passes)
				fail_msg("%s: %zu of %zu octets passed", frames[i].what, size,
					 frames[i].size);
		}
	}
	close_table();
}

static void test_truncated(void **state)
{
	namespace_test(check_truncated);
}

static bool ipv4_right(const uint8_t *frame, size_t size)
{
	static const uint8_t own[] = { OWN }, foreign[] = { 10, 9, 0, 255 };
	const size_t header = (frame[14] & 15) * 4u, packet = (size_t)frame[16] << 8 | frame[17];
	const uint8_t *to = frame + 30, *udp = frame + 14 + header;
	const bool first = (frame[20] & 0x1f) == 0 && frame[21] == 0;

	if (frame[14] >> 4 != 4 || header < 20 || packet < header || packet > size - 14)
		return false;
	if (memcmp(frame + 26, own, 4) != 0 || to[0] == 127 || (to[0] & 0xf0) == 224 ||
	    !memcmp(to, foreign, 4) || frame[23] == IPPROTO_RAW)
		return false;
	return !(frame[23] == IPPROTO_UDP && first && 14 + header + 4 <= size && udp[2] == 0 &&
		 (udp[3] == 67 || udp[3] == 68));
}

static bool arp_right(const uint8_t *frame)
{
	static const uint8_t fixed[] = { 0, 1, 8, 0, 6, 4, 0 }, own[] = { OWN }, none[] = { NONE };

	return !memcmp(frame + 14, fixed, sizeof(fixed)) && (frame[21] == 1 || frame[21] == 2) &&
	       (!memcmp(frame + 28, own, 4) || !memcmp(frame + 28, none, 4));
}

/* Tells by other code than the table what may pass. The MAC of a routed guest may be any. */
static bool right(const uint8_t *frame, size_t size)
{
	static const uint8_t all[] = { 255, 255, 255, 255, 255, 255 };

	if (frame[0] & 1 && memcmp(frame, all, 6) != 0)
		return false;
	if (frame[12] == 8 && frame[13] == 0 && size >= 34)
		return ipv4_right(frame, size);
	return frame[12] == 8 && frame[13] == 6 && size >= 38 && arp_right(frame);
}

/* Tries each value of each octet. */
static void check_every_octet(void)
{
	open_table();
	listen_at_tap();
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		for (size_t at = 0; at < frames[i].size * 256; at++) {
			uint8_t frame[FRAME_MAX];

			memcpy(frame, frames[i].frame, sizeof(frame));
			length(frame, frames[i].size);
			frame[at / 256] = (uint8_t)at;
			if (passes(frame, frames[i].size) != right(frame, frames[i].size))
				fail_msg("%s, octet %zu is %zu", frames[i].what, at / 256,
					 at % 256);
		}
	}
	close_table();
}

static void test_every_octet(void **state)
{
	namespace_test(check_every_octet);
}

/* Runs a function in a child without rights; returns what it returns, as a positive number. */
static int without_rights(int (*run)(void))
{
	const pid_t child = fork();

	if (child == 0)
		_exit(namespace_drop_rights() < 0 ? 255 : -run());
	return namespace_wait(child);
}

static int refresh(void)
{
	return table_refresh(&table, &err);
}

static int delete_vm(void)
{
	return table_vm_delete(&table, vm.tap.ifindex, &err);
}

static int set_vm(void)
{
	return table_vm_set(&table, &vm, &err);
}

/*
 * A process without capabilities that holds the owner's socket can change nothing, nor can another
 * socket of a process with capabilities.
 */
static void only_the_owner(void)
{
	const int owner_of_another = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	int owner;

	open_table();
	assert_int_equal(without_rights(refresh), EPERM);
	assert_int_equal(without_rights(set_vm), EPERM);
	assert_int_equal(without_rights(delete_vm), EPERM);
	assert_int_equal(refresh(), 0);

	owner = table.owner;
	table.owner = owner_of_another;
	assert_int_equal(refresh(), -EPERM);
	assert_int_equal(set_vm(), -EPERM);
	assert_int_equal(delete_vm(), -EPERM);
	table.owner = owner;
	assert_int_equal(set_vm(), 0);

	/* A second table of this uplink. */
	assert_int_equal(table_open(&(struct table){ table.route, -1, table.uplink }, &err),
			 -EPERM);
	close(owner_of_another);
	close_table();
}

static void test_only_the_owner(void **state)
{
	namespace_test(only_the_owner);
}

/* An answer that an earlier call has left unread confuses no later call. */
static void shared_socket(void)
{
	const struct {
		struct nlmsghdr header;
		uint8_t family[4];
	} request = { { sizeof(request), NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE,
			NLM_F_REQUEST | NLM_F_DUMP, 7, 0 },
		      { NFPROTO_UNSPEC } };

	open_table();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(send(table.owner, &request, sizeof(request), 0), sizeof(request));
		assert_int_equal(refresh(), 0);
		assert_int_equal(set_vm(), 0);
	}
	close_table();
}

static void test_shared_socket(void **state)
{
	namespace_test(shared_socket);
}

static int count(const char *what)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "exit $(nft list table netdev vmrun-e0 2>/dev/null | grep -c '%s')", what);
	return namespace_run(command);
}

/* A tap's chain, elements and rule come with its VM, and go with it, or with the next one. */
static void vms_come_and_go(void)
{
	struct table_vm other;
	int second;

	open_table();
	assert_int_equal(count("chain tap_"), 1);
	assert_int_equal(count("a copy, unless"), 0);
	vm.path = TABLE_BRIDGED;
	assert_int_equal(set_vm(), 0);
	assert_int_equal(set_vm(), 0);
	assert_int_equal(count("a copy, unless"), 1);

	assert_int_equal(tap_open("vmr-y", 1, false, &second, &err), 0);
	other = vm_of("vmr-y", 8, ADDRESS);
	assert_int_equal(table_vm_set(&table, &other, &err), -EADDRINUSE);
	assert_string_equal(err.message,
			    "another VM on 'e0' has this address or MAC: Address already in use");
	other = vm_of("vmr-y", 9, "192.168.7.11");
	other.path = TABLE_BRIDGED;
	assert_int_equal(table_vm_set(&table, &other, &err), -EADDRINUSE);
	other = vm_of("vmr-y", 8, "192.168.7.5");
	assert_int_equal(table_vm_set(&table, &other, &err), -EADDRINUSE);

	/* The tap is gone, its VM was never deleted. */
	close(tap);
	for (int i = 0; i < 200 && if_nametoindex("vmr-x"); i++)
		usleep(10000);
	other = vm_of("vmr-y", 9, ADDRESS);
	other.path = TABLE_BRIDGED;
	assert_int_equal(table_vm_set(&table, &other, &err), 0);
	assert_int_equal(count("a copy, unless"), 1);
	assert_int_equal(delete_vm(), 0);
	assert_int_equal(delete_vm(), 0);
	assert_int_equal(count("chain tap_"), 1);
	close(second);
	assert_int_equal(table_vm_delete(&table, other.tap.ifindex, &err), 0);
	assert_int_equal(count("chain tap_"), 0);
	assert_int_equal(count("a copy, unless"), 0);

	/* Without a table there is no VM. */
	close(table.owner);
	table.owner = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	assert_int_equal(delete_vm(), 0);
	assert_int_equal(refresh(), -ENOENT);
	tap = -1;
	close_table();
}

static void test_vms_come_and_go(void **state)
{
	namespace_test(vms_come_and_go);
}

/* Elements follow the host: MAC, MTU, addresses. */
static void follows_the_host(void)
{
	open_table();
	assert_int_equal(count("1460"), 1);
	assert_int_equal(count("192.168.7.5"), 1);
	assert_int_equal(
		namespace_run("ip link set e0 address 02:00:00:00:00:77 mtu 1400 &&"
			      "ip addr add 192.168.7.6/24 dev e0 && ip addr add "
			      "192.168.8.1/24 brd 192.168.8.127 dev e0-p &&"
			      "for i in $(seq 1 250); do echo addr add 10.0.0.$i/32 dev lo;"
			      "done | ip -batch -"),
		0);
	assert_int_equal(refresh(), 0);
	assert_int_equal(count("02:00:00:00:00:77"), 2);
	assert_int_equal(count("1360"), 1);
	assert_int_equal(count("192.168.7.6"), 1);
	assert_int_equal(count("10.0.0.250"), 1);
	/* The configured one, and the last address as well. */
	assert_int_equal(count("192.168.8.127"), 1);
	assert_int_equal(count("192.168.8.255"), 1);
	close_table();
}

static void test_follows_the_host(void **state)
{
	namespace_test(follows_the_host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),           cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_every_octet),      cmocka_unit_test(test_only_the_owner),
		cmocka_unit_test(test_shared_socket),    cmocka_unit_test(test_vms_come_and_go),
		cmocka_unit_test(test_follows_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
