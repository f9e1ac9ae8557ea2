// SPDX-License-Identifier: GPL-2.0-or-later
// Runs the guest's frames through the very program that the kernel gets.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "netsetup/base/ipv4.h"
#include "netsetup/maker/antispoof.h"

#define ADDRESS   "192.168.77.10"
#define FRAME_MAX 128

#define ETH(high, low) \
	0x02, 0, 0, 0x77, 0, 1, 0x52, 0x54, 0, 0, 0, 9, high, low /* to the tap, from the guest */
#define OWN  192, 168, 77, 10
#define LAN  192, 168, 77, 20
#define NONE 0, 0, 0, 0

/* From the version on: header length, length, protocol, source, destination, four octets more. */
#define IPV4(first, protocol, ...) \
	ETH(8, 0), first, 0, 0, 28, 0, 0, 0, 0, 64, protocol, 0, 0, __VA_ARGS__
#define ARP(operation, ...) ETH(8, 6), 0, 1, 8, 0, 6, 4, 0, operation, __VA_ARGS__
#define MAC(last)           0x52, 0x54, 0, 0, 0, last

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
	{ "its own, to everybody", true, FRAME(IPV4(0x45, 17, OWN, 255, 255, 255, 255, 0, 68)) },
	{ "a DHCP client's", true, FRAME(IPV4(0x45, 17, OWN, LAN, 0, 68, 0, 67)) },
	{ "a DHCP relay's", true, FRAME(IPV4(0x45, 17, OWN, LAN, 0, 67, 0, 67)) },
	{ "a DHCP server's", false, FRAME(IPV4(0x45, 17, OWN, LAN, 0, 67, 0, 68, 0, 8, 0, 0)) },
	{ "a DHCP server's, with options", false,
	  FRAME(IPV4(0x46, 17, OWN, LAN, 7, 3, 4, 0, 0, 67, 0, 68, 0, 8, 0, 0)) },
	{ "TCP of these ports", true, FRAME(IPV4(0x45, 6, OWN, LAN, 0, 67, 0, 68, 0, 0, 0, 0)) },
	{ "a later fragment that looks like it", true,
	  FRAME(ETH(8, 0), 0x45, 0, 0, 28, 0, 0, 0x20, 1, 64, 17, 0, 0, OWN, LAN, 0, 67, 0, 68) },
	{ "its own, with options", true, FRAME(IPV4(0x4f, 1, OWN, LAN, 7, 3, 4, 0)) },
	{ "another's", false, FRAME(IPV4(0x45, 1, LAN, LAN, 8, 0, 0, 0, 0, 0, 0, 0)) },
	{ "the router's", false, FRAME(IPV4(0x45, 1, 192, 168, 77, 1, LAN, 8, 0)) },
	{ "the host's", false, FRAME(IPV4(0x45, 1, 192, 168, 77, 2, LAN, 8, 0)) },
	{ "loopback", false, FRAME(IPV4(0x45, 1, 127, 0, 0, 1, LAN, 8, 0)) },
	{ "a group's", false, FRAME(IPV4(0x45, 1, 224, 0, 0, 1, LAN, 8, 0)) },
	{ "everybody's", false, FRAME(IPV4(0x45, 1, 255, 255, 255, 255, LAN, 8, 0)) },
	{ "nobody's", false, FRAME(IPV4(0x45, 1, NONE, LAN, 8, 0, 0, 0, 0, 0, 0, 0)) },
	{ "DHCP from nobody", false,
	  FRAME(IPV4(0x45, 17, NONE, 255, 255, 255, 255, 0, 68, 0, 67, 0, 8, 0, 0)) },
	/* A program that looked for the port would read behind the end, and pass it. */
	{ "UDP from nobody, a long header and no more", false, FRAME(IPV4(0x4f, 17, NONE, NONE)) },
	{ "UDP from nobody, a short header", false,
	  FRAME(IPV4(0x40, 17, NONE, NONE, 0, 67, 0, 67, 0, 67, 0, 67)) },
	{ "another's, of no version", false, FRAME(IPV4(0x00, 1, LAN, OWN, OWN, OWN)) },
	{ "one octet short of a header", false, FRAME(IPV4(0x45, 1, OWN, 192, 168, 77)) },

	{ "a request", true, FRAME(ARP(1, MAC(9), OWN, NONE, 0, 0, LAN)) },
	{ "a probe", true, FRAME(ARP(1, MAC(9), NONE, NONE, 0, 0, OWN)) },
	{ "an announcement", true, FRAME(ARP(1, MAC(9), OWN, NONE, 0, 0, OWN)) },
	{ "a reply", true, FRAME(ARP(2, MAC(9), OWN, MAC(1), LAN)) },
	{ "a request, padded", true, FRAME(ARP(1, MAC(9), OWN, NONE, 0, 0, LAN, NONE, NONE)) },
	{ "a request for another", false, FRAME(ARP(1, MAC(9), LAN, NONE, 0, 0, OWN)) },
	{ "a reply for another", false, FRAME(ARP(2, MAC(9), 192, 168, 77, 1, MAC(1), LAN)) },
	{ "an announcement of another", false, FRAME(ARP(1, MAC(9), LAN, NONE, 0, 0, LAN)) },
	{ "a request cut short", false, FRAME(ARP(1, MAC(9), OWN, NONE, 0, 0, 192, 168, 77)) },

	{ "IPv6", false, FRAME(ETH(0x86, 0xdd), 0x60, 0, 0, 0, 0, 0, 58, 255, OWN, OWN, OWN, OWN) },
	{ "802.1Q", false, FRAME(ETH(0x81, 0), 0, 5, 8, 0, 0x45, 0, 0, 28, OWN, OWN, OWN, OWN) },
	{ "802.1ad", false, FRAME(ETH(0x88, 0xa8), 0, 5, 0x81, 0, 0, 5, 8, 0, OWN, OWN, OWN, OWN) },
	{ "LLDP", false, FRAME(ETH(0x88, 0xcc), OWN, OWN, OWN, OWN, OWN, OWN, OWN, OWN) },
	{ "STP", false, FRAME(ETH(0, 38), 0x42, 0x42, 3, OWN, OWN, OWN, OWN, OWN, OWN, OWN) },
	{ "RARP", false, FRAME(ETH(0x80, 0x35), OWN, OWN, OWN, OWN, OWN, OWN, OWN, OWN) },
	{ "nothing but an Ethernet header", false, FRAME(ETH(8, 0)) },
};

/* The result of a socket filter is the number of received octets: none is TC_ACT_OK. */
static bool passes(int sockets[2], const uint8_t *frame, size_t size)
{
	uint8_t octets[FRAME_MAX];

	_Static_assert(TC_ACT_OK == 0 && TC_ACT_SHOT > 0, "which the kernel's filters keep apart");
	assert_int_equal(send(sockets[0], frame, size, 0), size);
	if (recv(sockets[1], octets, sizeof(octets), MSG_DONTWAIT) > 0)
		return false;
	assert_int_equal(errno, EAGAIN);
	return true;
}

static int set_up(void **state)
{
	static int sockets[2];
	struct sock_filter program[ANTISPOOF_SIZE];
	const struct sock_fprog filter = { ANTISPOOF_SIZE, program };
	struct in_addr address;

	*state = sockets;
	if (!ipv4_parse(ADDRESS, &address) || socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets) < 0)
		return -1;
	antispoof_program(address, program);
	return setsockopt(sockets[1], SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}

static int tear_down(void **state)
{
	int *sockets = *state;

	close(sockets[0]);
	return close(sockets[1]);
}

static void test_frames(void **state)
{
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
		if (passes(*state, frames[i].frame, frames[i].size) != frames[i].passes)
			fail_msg("%s: %s", frames[i].what, frames[i].passes ? "dropped" : "passed");
}

static bool is_own(const uint8_t *frame)
{
	static const uint8_t own[] = { OWN };

	return frame[12] == 8 && frame[13] == 0 && !memcmp(frame + 26, own, 4);
}

/* Returns true for a DHCP server's answer; the unused octets of a frame are zero. */
static bool is_dhcp_answer(const uint8_t *frame)
{
	static const uint8_t ports[] = { 0, 67, 0, 68 };

	return frame[23] == 17 && (frame[20] & 0x1f) == 0 && frame[21] == 0 &&
	       !memcmp(frame + 14 + (frame[14] & 0x0f) * 4, ports, 4);
}

/*
 * A frame that is cut never passes if the whole frame does not, but for one that is the guest's own
 * and ends before its ports.
 */
static void test_truncated(void **state)
{
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
		for (size_t size = 1; size < frames[i].size; size++)
			if (passes(*state, frames[i].frame, size) && !frames[i].passes &&
			    !is_own(frames[i].frame))
				fail_msg("%s: %zu of %zu octets passed", frames[i].what, size,
					 frames[i].size);
}

/* Tries each value of each octet: all that passes is the guest's, or ARP for no address. */
static void test_every_octet(void **state)
{
	static const uint8_t own[] = { OWN }, none[] = { NONE };

	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		for (size_t at = 0; at < frames[i].size * 256; at++) {
			uint8_t frame[FRAME_MAX];
			bool ip, arp;

			memcpy(frame, frames[i].frame, sizeof(frame));
			frame[at / 256] = (uint8_t)at;
			ip = is_own(frame) && frames[i].size >= 34 && !is_dhcp_answer(frame);
			arp = frame[12] == 8 && frame[13] == 6 && frames[i].size >= 42 &&
			      (!memcmp(frame + 28, own, 4) || !memcmp(frame + 28, none, 4));
			assert_int_equal(passes(*state, frame, frames[i].size), ip || arp);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_frames, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_truncated, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_every_octet, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
