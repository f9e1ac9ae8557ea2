// SPDX-License-Identifier: GPL-2.0-or-later
// Tests what the router's frames, at given times, tell about an access point.
#include <fcntl.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/worker/access_probe.h"

#define END 3000 /* ms */

static const struct ether_addr station = { { 2, 0, 0, 0, 0, 1 } };
static const struct ether_addr router_mac = { { 2, 0, 0, 0, 0, 2 } };
static const struct ether_addr other_mac = { { 2, 0, 0, 0, 0, 3 } };

static struct in_addr number(uint8_t last)
{
	return (struct in_addr){ htonl(0xc0a80700u + last) };
}

#define ROUTER number(1)
#define HOST   number(5)
#define VM     number(9)
#define OTHER  number(20)

static size_t make_arp(uint8_t *frame, unsigned int operation, const struct ether_addr *mac,
		       struct in_addr sender, struct in_addr target)
{
	struct ether_header ethernet = { .ether_type = htons(ETHERTYPE_ARP) };
	struct ether_arp arp = { .arp_hln = ETH_ALEN, .arp_pln = 4 };

	arp.arp_hrd = htons(ARPHRD_ETHER);
	arp.arp_pro = htons(ETHERTYPE_IP);
	arp.arp_op = htons((uint16_t)operation);
	memcpy(arp.arp_sha, mac, ETH_ALEN);
	memcpy(arp.arp_spa, &sender, sizeof(sender));
	memcpy(arp.arp_tpa, &target, sizeof(target));
	memcpy(frame, &ethernet, sizeof(ethernet));
	memcpy(frame + sizeof(ethernet), &arp, sizeof(arp));
	return sizeof(ethernet) + sizeof(arp);
}

/* @words: of the IPv4 header, 5 without options. */
static size_t make_echo(uint8_t *frame, uint8_t type, unsigned int words, uint16_t fragment,
			struct in_addr source, struct in_addr target)
{
	struct ether_header ethernet = { .ether_type = htons(ETHERTYPE_IP) };
	struct iphdr ip = { .version = 4, .protocol = IPPROTO_ICMP, .frag_off = htons(fragment) };
	struct icmphdr icmp = { .type = type };

	ip.ihl = words & 15;
	ip.saddr = source.s_addr;
	ip.daddr = target.s_addr;
	memset(frame, 0, 100);
	memcpy(frame, &ethernet, sizeof(ethernet));
	memcpy(frame + sizeof(ethernet), &ip, sizeof(ip));
	memcpy(frame + sizeof(ethernet) + words * 4, &icmp, sizeof(icmp));
	return sizeof(ethernet) + words * 4 + sizeof(icmp);
}

enum event {
	NOTHING,
	REQUEST,    /* the router asks for the VM */
	OTHERS,     /* another station asks for it */
	REPLY,      /* to the VM's ping */
	HOST_REPLY, /* to the host's */
	FOUND,      /* to the VM's ARP request */
	HOST_FOUND,
	/* Frames that say nothing. */
	ECHO,          /* its request, repeated by the access point */
	FOREIGN_REPLY, /* from another station */
	TO_OTHER,      /* the router's, to another station */
	PING,          /* no reply */
	FRAGMENT,
	NO_ICMP, /* its header has options, after which it ends */
	SHORT,
};

static size_t make_frame(enum event event, uint8_t *frame)
{
	switch (event) {
	case REQUEST:
		return make_arp(frame, ARPOP_REQUEST, &router_mac, ROUTER, VM);
	case OTHERS:
		return make_arp(frame, ARPOP_REQUEST, &other_mac, OTHER, VM);
	case FOUND:
		return make_arp(frame, ARPOP_REPLY, &router_mac, ROUTER, VM);
	case HOST_FOUND:
		return make_arp(frame, ARPOP_REPLY, &router_mac, ROUTER, HOST);
	case ECHO:
		return make_arp(frame, ARPOP_REQUEST, &station, VM, VM);
	case REPLY:
		return make_echo(frame, ICMP_ECHOREPLY, 6, 0, ROUTER, VM);
	case HOST_REPLY:
		return make_echo(frame, ICMP_ECHOREPLY, 5, 0, ROUTER, HOST);
	case FOREIGN_REPLY:
		return make_echo(frame, ICMP_ECHOREPLY, 5, 0, OTHER, VM);
	case TO_OTHER:
		return make_echo(frame, ICMP_ECHOREPLY, 5, 0, ROUTER, OTHER);
	case PING:
		return make_echo(frame, ICMP_ECHO, 5, 0, ROUTER, VM);
	case FRAGMENT:
		return make_echo(frame, ICMP_ECHOREPLY, 5, 1, ROUTER, VM);
	case NO_ICMP:
		return make_echo(frame, ICMP_ECHOREPLY, 15, 0, ROUTER, VM) - sizeof(struct icmphdr);
	case SHORT:
		return make_echo(frame, ICMP_ECHOREPLY, 5, 0, ROUTER, VM) - 27;
	case NOTHING:
		break;
	}
	return 0;
}

/* @announced, @at: the least times of the announcement and the result. */
static const struct row {
	const char *name;
	struct {
		uint64_t at;
		enum event event;
	} events[8];
	uint64_t announced;
	enum access_result result;
	uint64_t at;
} rows[] = {
	{ "honest", { { 1, REQUEST }, { 2, REPLY } }, 1, ACCESS_OPEN, 2 },
	{ "the router knew the address", { { 3, REPLY } }, 3, ACCESS_ANSWERED, 3 },
	{ "a slow router, which has asked", { { 4, REQUEST }, { 70, REPLY } }, 4, ACCESS_OPEN, 70 },
	{ "asked by another router of the same address",
	  { { 1, OTHERS }, { 60, REPLY } },
	  1,
	  ACCESS_OPEN,
	  60 },
	{ "requests are hidden", { { 51, REPLY }, { 53, HOST_REPLY } }, 50, ACCESS_HIDDEN, 1050 },
	{ "a broadcast waits for the DTIM",
	  { { 51, REPLY }, { 53, HOST_REPLY }, { 290, REQUEST } },
	  50,
	  ACCESS_OPEN,
	  290 },
	{ "a network slower than the wait",
	  { { 60, REPLY }, { 110, HOST_REPLY } },
	  50,
	  ACCESS_ANSWERED,
	  1050 },
	{ "the host's reply is lost", { { 60, REPLY } }, 50, ACCESS_ANSWERED, 1050 },
	{ "packets are dropped",
	  { { 53, HOST_REPLY }, { 51, HOST_FOUND } },
	  50,
	  ACCESS_REFUSED,
	  1050 },
	{ "the same, slowly", { { 900, HOST_REPLY } }, 50, ACCESS_REFUSED, 1050 },
	{ "ARP alone passes", { { 53, HOST_REPLY }, { 51, FOUND } }, 50, ACCESS_REFUSED, 1050 },
	{ "answers to requests are dropped",
	  { { 1, REQUEST }, { 53, HOST_REPLY } },
	  1,
	  ACCESS_REFUSED,
	  1050 },
	{ "the router ignores pings",
	  { { 51, FOUND }, { 51, HOST_FOUND } },
	  50,
	  ACCESS_UNKNOWN,
	  1050 },
	{ "the same, and packets are dropped", { { 51, HOST_FOUND } }, 50, ACCESS_REFUSED, 1050 },
	{ "silence", { { 0, NOTHING } }, 50, ACCESS_UNKNOWN, 1050 },
	{ "a storm of requests",
	  { { 1, REQUEST },
	    { 1, REQUEST },
	    { 1, REQUEST },
	    { 2, REQUEST },
	    { 53, HOST_REPLY },
	    { 60, REQUEST },
	    { 61, REQUEST },
	    { 62, REQUEST } },
	  1,
	  ACCESS_REFUSED,
	  1050 },
	{ "frames that say nothing",
	  { { 1, ECHO },
	    { 1, FOREIGN_REPLY },
	    { 1, TO_OTHER },
	    { 1, PING },
	    { 1, FRAGMENT },
	    { 1, NO_ICMP },
	    { 1, SHORT } },
	  50,
	  ACCESS_UNKNOWN,
	  1050 },
};

/* Counts the frames that were sent; each is for the router. */
static unsigned int count_sent(int end)
{
	uint8_t frame[256];
	unsigned int count = 0;

	while (recv(end, frame, sizeof(frame), MSG_DONTWAIT) > 0) {
		assert_memory_equal(frame, &router_mac, sizeof(router_mac));
		assert_memory_equal(frame + ETH_ALEN, &station, sizeof(station));
		count++;
	}
	return count;
}

static struct access_probe new_probe(int *end)
{
	struct access_probe probe = ACCESS_PROBE_CLOSED;
	int sockets[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	probe.socket = sockets[0];
	*end = sockets[1];
	probe.job = 7;
	probe.mac = station;
	probe.router_mac = router_mac;
	probe.router = ROUTER;
	probe.address = VM;
	probe.host = HOST;
	return probe;
}

static void apply_events(struct access_probe *probe, const struct row *row, uint64_t now)
{
	for (size_t i = 0; i < ARRAY_SIZE(row->events); i++) {
		uint8_t frame[100];

		if (row->events[i].event != NOTHING && row->events[i].at == now)
			access_probe_apply(probe, frame, make_frame(row->events[i].event, frame),
					   now);
	}
}

static void check(const struct row *row)
{
	uint64_t now = 0, announced = END;
	struct access_probe probe;
	unsigned int sent;
	int end;

	probe = new_probe(&end);
	access_probe_start(&probe, now);
	assert_int_equal(count_sent(end), 1);
	assert_false(access_probe_holds(&probe, OTHER));
	for (; now < END; now++) {
		apply_events(&probe, row, now);
		if (access_probe_step(&probe, now))
			break;
		if (announced == END && !access_probe_holds(&probe, VM))
			announced = now;
	}
	if (announced > now)
		announced = now;
	if (announced != row->announced)
		fail_msg("%s: announced at %lu", row->name, (unsigned long)announced);
	/* The second round begins a step later. */
	if (probe.result != row->result || now < row->at || now > row->at + 1)
		fail_msg("%s: result %d at %lu", row->name, (int)probe.result, (unsigned long)now);
	sent = 1 + count_sent(end);
	assert_in_range(sent, 1, 7);
	/* A result that was not taken is there again later, and nothing is sent after it. */
	probe.deadline = now + 10;
	assert_false(access_probe_step(&probe, now + 9));
	assert_true(access_probe_step(&probe, now + 10));
	access_probe_end(&probe, now);
	assert_false(access_probe_step(&probe, now + ACCESS_PROBE_CLOSE_MS - 1));
	assert_true(probe.socket >= 0);
	assert_false(access_probe_step(&probe, now + ACCESS_PROBE_CLOSE_MS));
	assert_int_equal(probe.socket, -1);
	assert_int_equal(probe.deadline, UINT64_MAX);
	assert_int_equal(count_sent(end), 0);
	close(end);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check(&rows[i]);
}

/* The router's request is answered, since no guest runs yet; another station's is the guest's. */
static void test_answer(void **state)
{
	struct access_probe probe;
	struct ether_arp arp;
	uint8_t frame[100];
	int end;

	probe = new_probe(&end);
	access_probe_start(&probe, 0);
	assert_int_equal(count_sent(end), 1);
	access_probe_apply(&probe, frame, make_frame(OTHERS, frame), 1);
	assert_int_equal(count_sent(end), 0);
	access_probe_apply(&probe, frame, make_frame(REQUEST, frame), 1);
	assert_int_equal(recv(end, frame, sizeof(frame), MSG_DONTWAIT), ETH_HLEN + sizeof(arp));
	memcpy(&arp, frame + ETH_HLEN, sizeof(arp));
	assert_int_equal(ntohs(arp.arp_op), ARPOP_REPLY);
	assert_memory_equal(arp.arp_sha, &station, ETH_ALEN);
	assert_memory_equal(arp.arp_spa, &(struct in_addr){ VM.s_addr }, 4);
	close(end);
	access_probe_close(&probe);
}

/* A socket that fails at each call is closed, and wakes nobody any more. */
static void test_broken(void **state)
{
	struct access_probe probe;
	uint64_t now = 0;
	int end;

	probe = new_probe(&end);
	close(probe.socket);
	probe.socket = open("/dev/null", O_RDONLY | O_CLOEXEC);
	access_probe_start(&probe, now);
	access_probe_receive(&probe, now);
	assert_int_equal(probe.socket, -1);
	while (!access_probe_step(&probe, now) && now < END)
		now++;
	assert_int_equal(probe.result, ACCESS_UNKNOWN);
	access_probe_end(&probe, now);
	assert_int_equal(probe.deadline, UINT64_MAX);
	close(end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
