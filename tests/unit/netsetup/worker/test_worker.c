// SPDX-License-Identifier: GPL-2.0-or-later
// Speaks with a confined worker as the service does, over a veth pair.
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "netsetup/confine/capabilities.h"
#include "netsetup/confine/landlock.h"
#include "netsetup/kernel/dhcp_socket.h"
#include "netsetup/worker/stranger.h"
#include "tests/unit/support/range.h"
#include "tests/unit/support/worker.h"

#ifdef VMRUN_SANITIZE
#define FILTERED false
#else
#define FILTERED true
#endif

/* Exit status of a child that made its call. */
#define DONE 0

static void announce(int there, const char *claimed)
{
	const struct arp claim = arp_announcement(&theirs, address(claimed));
	struct error err;

	assert_int_equal(arp_send(there, &claim, &err), 0);
}

/* Two VMs are probed at once: the time is that of one. An address that is taken has its MAC. */
static void probes(void)
{
	cleanup_fd int there = worker_far_end();
	struct worker_message answers[2];
	uint64_t start;
	int service;
	pid_t child = worker_start(&service);

	worker_open(service, 7, "e0");
	worker_open(service, 4000000000, "e0");
	start = monotonic_ms();
	worker_probe(service, 7, 71, PROBE_OF_REMEMBERED, "192.168.7.10", 2);
	worker_probe(service, 4000000000, 72, PROBE_OF_REMEMBERED, "192.168.7.20", PROBE_BATCH_MAX);
	worker_arp(there);
	announce(there, "192.168.7.11");
	for (size_t i = 0; i < 2; i++)
		answers[i] = worker_receive(service);
	assert_uint_in_range(monotonic_ms() - start, 200, 5000);
	if (answers[0].vm != 7) {
		const struct worker_message first = answers[0];

		answers[0] = answers[1];
		answers[1] = first;
	}
	assert_int_equal(answers[0].type, WORKER_PROBED);
	assert_int_equal(answers[0].vm, 7);
	assert_int_equal(answers[0].job, 71);
	assert_int_equal(answers[0].count, 2);
	assert_int_equal(answers[0].error, 0);
	assert_true(ipv4_equal(answers[0].probes[1].address, address("192.168.7.11")));
	assert_int_equal(answers[0].probes[0].taken, 0);
	assert_int_equal(answers[0].probes[1].taken, 1);
	assert_memory_equal(&answers[0].probes[1].mac, &theirs, sizeof(theirs));
	assert_int_equal(answers[1].vm, 4000000000);
	assert_int_equal(answers[1].job, 72);
	assert_int_equal(answers[1].count, PROBE_BATCH_MAX);
	for (size_t i = 0; i < PROBE_BATCH_MAX; i++)
		assert_int_equal(answers[1].probes[i].taken, 0);
	worker_stop(child, service);
}

static void test_probes(void **state)
{
	namespace_test(probes);
}

/* If all are taken, the answer does not wait. */
static void early(void)
{
	cleanup_fd int there = worker_far_end();
	uint64_t start = monotonic_ms();
	int service;
	pid_t child = worker_start(&service);

	worker_open(service, 1, "e0");
	worker_probe(service, 1, 1, PROBE_OF_STRICT, "192.168.7.10", 1);
	worker_sync(service);
	announce(there, "192.168.7.10");
	assert_int_equal(worker_receive(service).probes[0].taken, 1);
	assert_uint_in_range(monotonic_ms() - start, 0, 2000);
	worker_stop(child, service);
}

static void test_early(void **state)
{
	namespace_test(early);
}

/* The answer of an access point that knows this host by its former hardware address. */
static void former_answers(void)
{
	const struct arp echo = arp_announcement(&former, address("192.168.7.10"));
	cleanup_fd int there = worker_far_end();
	struct error err;
	int service;
	pid_t child = worker_start(&service);

	worker_open(service, 1, "e0");
	worker_probe(service, 1, 1, PROBE_OF_REMEMBERED, "192.168.7.10", 1);
	worker_sync(service);
	assert_int_equal(arp_send(there, &echo, &err), 0);
	assert_int_equal(worker_receive(service).probes[0].taken, 0);
	worker_stop(child, service);
}

static void test_former_answers(void **state)
{
	namespace_test(former_answers);
}

/*
 * Answers from before the deadline count even if the worker runs only after it, behind more packets
 * than it reads in one turn.
 */
static void answered_while_asleep(void)
{
	cleanup_fd int there = worker_far_end();
	int service;
	pid_t child = worker_start(&service);

	worker_open(service, 1, "e0");
	worker_probe(service, 1, 1, PROBE_OF_REMEMBERED, "192.168.7.10", 2);
	/* Three probes of both addresses: the last wait begins. */
	for (int i = 0; i < 6; i++)
		worker_arp(there);
	assert_int_equal(kill(child, SIGSTOP), 0);
	for (int i = 0; i < 150; i++)
		announce(there, "192.168.7.99");
	announce(there, "192.168.7.11");
	nanosleep(&(struct timespec){ .tv_nsec = 300000000 }, NULL);
	assert_int_equal(kill(child, SIGCONT), 0);
	assert_int_equal(worker_receive(service).probes[1].taken, 1);
	worker_stop(child, service);
}

static void test_answered_while_asleep(void **state)
{
	namespace_test(answered_while_asleep);
}

/* A flood at one VM's uplink delays neither its own probes nor another VM's. */
static void flood(void)
{
	const struct arp other = arp_announcement(&theirs, address("192.168.7.78"));
	cleanup_fd int there = worker_far_end();
	uint64_t start;
	int service;
	pid_t child = worker_start(&service), flooder;

	assert_int_equal(namespace_run("ip link add e1 type veth peer name e1-p && "
				       "ip link set e1 up && ip link set e1-p up"),
			 0);
	worker_open(service, 1, "e0");
	worker_open(service, 2, "e1");
	flooder = worker_flood(there, &other);
	start = monotonic_ms();
	worker_probe(service, 1, 1, PROBE_OF_REMEMBERED, "192.168.7.77", 2);
	worker_probe(service, 2, 2, PROBE_OF_REMEMBERED, "192.168.7.77", 2);
	for (int i = 0; i < 2; i++) {
		const struct worker_message answer = worker_receive(service);

		assert_int_equal(answer.probes[0].taken, 0);
		assert_int_equal(answer.probes[1].taken, answer.vm == 1);
	}
	assert_uint_in_range(monotonic_ms() - start, 0, 3000);
	namespace_kill(flooder);
	worker_stop(child, service);
}

static void test_flood(void **state)
{
	namespace_test(flood);
}

/* Asks the access point by a socket on "e0"; the router is at the far end. */
static void ask_access(int service, uint32_t job)
{
	const struct worker_message message = { .type = WORKER_ACCESS,
						.vm = 1,
						.job = job,
						.mac = ours,
						.address = address("192.168.7.9"),
						.host = address("192.168.7.5"),
						.router = { address("192.168.7.1"), theirs } };
	struct error err;
	cleanup_fd int fd = packet_socket_open(if_nametoindex("e0"), ETH_P_ALL, &err);

	assert_true(fd >= 0);
	worker_send_fds(service, &message, &fd, 1);
}

/*
 * The announcement waits for the router's request, or for the end of the wait. A VM that rests asks
 * no more, and a new question takes the place of the present one.
 */
static void access_point(void)
{
	const struct arp request = { .operation = ARPOP_REQUEST,
				     .sender_mac = theirs,
				     .sender = address("192.168.7.1"),
				     .target = address("192.168.7.9") };
	const struct worker_message rest = { .type = WORKER_REST, .vm = 1 };
	unsigned int replies = 0, announcements = 0;
	struct worker_message message;
	cleanup_fd int there = worker_far_end();
	struct error err;
	struct arp arp;
	int service;
	pid_t child = worker_start(&service);

	worker_open(service, 1, "e0");
	ask_access(service, 7);
	worker_defend(service, 1, "192.168.7.9", 1);
	worker_sync(service);
	assert_int_equal(arp_send(there, &request, &err), 0);
	/* The host asks last, in the second round. On a busy machine the reply may be later. */
	do {
		arp = worker_arp(there);
		replies += arp.operation == ARPOP_REPLY;
		announcements += ipv4_equal(arp.sender, arp.target);
		assert_true(replies || announcements);
	} while (!ipv4_equal(arp.sender, address("192.168.7.5")));
	assert_true(ipv4_equal(arp.target, address("192.168.7.1")));
	while (!replies)
		replies += worker_arp(there).operation == ARPOP_REPLY;
	assert_int_equal(announcements, 1);
	message = worker_receive(service);
	assert_int_equal(message.type, WORKER_ACCESSED);
	assert_int_equal(message.job, 7);
	assert_int_equal(message.kind, ACCESS_UNKNOWN);

	/* Without a request, the announcement comes before the second round. */
	ask_access(service, 8);
	ask_access(service, 9);
	worker_defend(service, 1, "192.168.7.9", 1);
	arp = worker_arp(there);
	assert_true(ipv4_equal(arp.sender, arp.target));
	assert_true(ipv4_equal(worker_arp(there).sender, address("192.168.7.9")));
	worker_send(service, &rest);
	ask_access(service, 10);
	worker_send(service, &rest);
	assert_true(worker_silent(service, 1200));
	worker_stop(child, service);
}

static void test_access_point(void **state)
{
	namespace_test(access_point);
}

static void find(int service, uint32_t job)
{
	const struct worker_message message = { .type = WORKER_FIND,
						.vm = 1,
						.job = job,
						.address = address("192.168.7.1"),
						.host = address("192.168.7.5") };

	worker_send(service, &message);
}

/* The router is asked with the host's address, 3 times; packets from before do not count. */
static void router(void)
{
	static const struct ether_addr none;
	struct worker_message answer;
	struct arp arp;
	cleanup_fd int there = worker_far_end();
	uint64_t start;
	int service;
	pid_t child = worker_start(&service), flooder;

	worker_open(service, 1, "e0");
	find(service, 5);
	arp = worker_arp(there);
	assert_int_equal(arp.operation, ARPOP_REQUEST);
	assert_true(ipv4_equal(arp.sender, address("192.168.7.5")));
	assert_true(ipv4_equal(arp.target, address("192.168.7.1")));
	announce(there, "192.168.7.2");
	announce(there, "192.168.7.1");
	answer = worker_receive(service);
	assert_int_equal(answer.type, WORKER_FOUND);
	assert_int_equal(answer.job, 5);
	assert_memory_equal(&answer.mac, &theirs, sizeof(theirs));

	/* A claim of the router's address from before the request does not count. */
	worker_probe(service, 1, 6, PROBE_OF_NEW, "192.168.7.77", 1);
	worker_sync(service);
	assert_int_equal(kill(child, SIGSTOP), 0);
	for (int i = 0; i < 100; i++)
		announce(there, "192.168.7.99");
	announce(there, "192.168.7.1");
	while (arp_receive(there, &arp) == 0)
		continue;
	start = monotonic_ms();
	find(service, 7);
	assert_int_equal(kill(child, SIGCONT), 0);
	answer = worker_receive(service);
	assert_int_equal(answer.job, 7);
	assert_memory_equal(&answer.mac, &none, sizeof(none));
	assert_uint_in_range(monotonic_ms() - start, 170, 5000);
	assert_int_equal(worker_receive(service).job, 6);

	/* A flood of probes does not keep the search from ending. */
	arp = arp_probe(&theirs, address("192.168.7.1"));
	flooder = worker_flood(there, &arp);
	start = monotonic_ms();
	find(service, 8);
	answer = worker_receive(service);
	assert_memory_equal(&answer.mac, &none, sizeof(none));
	assert_uint_in_range(monotonic_ms() - start, 0, 3000);
	namespace_kill(flooder);
	worker_stop(child, service);
}

static void test_router(void **state)
{
	namespace_test(router);
}

/* Announces twice, answers probes, defends, reports the second claim, and rests. */
static void defence(void)
{
	const struct arp probe = arp_probe(&theirs, address("192.168.7.9"));
	const struct arp echo = arp_announcement(&ours, address("192.168.7.9"));
	const struct arp old_echo = arp_announcement(&former, address("192.168.7.9"));
	struct worker_message message;
	cleanup_fd int there = worker_far_end();
	struct error err;
	uint64_t start;
	struct arp arp;
	int service;
	pid_t child = worker_start(&service);

	worker_open(service, 1, "e0");
	worker_defend(service, 1, "192.168.7.9", 1);
	arp = worker_arp(there);
	start = monotonic_ms();
	assert_true(ipv4_equal(arp.sender, address("192.168.7.9")));
	assert_int_equal(arp_send(there, &probe, &err), 0);
	arp = worker_arp(there);
	assert_int_equal(arp.operation, ARPOP_REPLY);
	assert_memory_equal(&arp.target_mac, &theirs, sizeof(theirs));
	/* Our own packet, which an access point has repeated, is no claim. */
	assert_int_equal(arp_send(there, &echo, &err), 0);
	assert_int_equal(arp_send(there, &old_echo, &err), 0);
	announce(there, "192.168.7.9");
	arp = worker_arp(there);
	assert_int_equal(arp.operation, ARPOP_REQUEST);
	assert_true(worker_silent(service, 50));
	announce(there, "192.168.7.9");
	message = worker_receive(service);
	assert_int_equal(message.type, WORKER_CONFLICT);
	assert_int_equal(message.vm, 1);
	assert_true(ipv4_equal(message.address, address("192.168.7.9")));
	assert_memory_equal(&message.mac, &theirs, sizeof(theirs));
	announce(there, "192.168.7.9");
	assert_true(worker_silent(service, 50));
	arp = worker_arp(there);
	assert_true(ipv4_equal(arp.sender, address("192.168.7.9")));
	assert_uint_in_range(monotonic_ms() - start, 1900, 10000);

	message = (struct worker_message){ .type = WORKER_REST, .vm = 1 };
	worker_send(service, &message);
	worker_sync(service);
	assert_int_equal(arp_send(there, &probe, &err), 0);
	announce(there, "192.168.7.9");
	announce(there, "192.168.7.9");
	assert_true(worker_silent(service, 50));
	assert_int_equal(arp_receive(there, &arp), -EAGAIN);

	/* The socket is still there; another one ends the defence. */
	worker_defend(service, 1, "192.168.7.9", 0);
	worker_sync(service);
	assert_int_equal(arp_send(there, &probe, &err), 0);
	assert_int_equal(worker_arp(there).operation, ARPOP_REPLY);
	worker_open(service, 1, "e0");
	worker_sync(service);
	assert_int_equal(arp_send(there, &probe, &err), 0);
	assert_true(worker_silent(service, 50));
	assert_int_equal(arp_receive(there, &arp), -EAGAIN);
	worker_stop(child, service);
}

static void test_defence(void **state)
{
	namespace_test(defence);
}

/* Milliseconds of processor time that a child has used. */
static unsigned long processor_ms(pid_t child)
{
	struct timespec time;
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(child, &clock), 0);
	assert_int_equal(clock_gettime(clock, &time), 0);
	return (unsigned long)time.tv_sec * 1000 + (unsigned long)time.tv_nsec / 1000000;
}

/* An uplink that is down proves nothing, costs nothing, and is defended again when it is up. */
static void link_down(void)
{
	const struct arp probe = arp_probe(&theirs, address("192.168.7.9"));
	struct worker_message answer;
	cleanup_fd int there = worker_far_end();
	unsigned long before;
	struct error err;
	struct arp arp;
	int service;
	pid_t child = worker_start(&service);

	worker_open(service, 1, "e0");
	worker_defend(service, 1, "192.168.7.9", 0);
	worker_probe(service, 1, 1, PROBE_OF_STRICT, "192.168.7.10", 2);
	worker_sync(service);
	assert_int_equal(namespace_run("ip link set e0 down"), 0);
	answer = worker_receive(service);
	assert_int_equal(answer.error, ENETDOWN);
	assert_true(answer.probes[0].taken && answer.probes[1].taken);
	find(service, 2);
	assert_int_equal(worker_receive(service).error, ENETDOWN);

	assert_int_equal(namespace_run("ip link set e0 up"), 0);
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	/* The far end lost its carrier. */
	while (arp_receive(there, &arp) != -EAGAIN)
		continue;
	assert_int_equal(arp_send(there, &probe, &err), 0);
	assert_int_equal(worker_arp(there).operation, ARPOP_REPLY);

	assert_int_equal(namespace_run("ip link del e0"), 0);
	before = processor_ms(child);
	assert_true(worker_silent(service, 300));
	assert_uint_in_range(processor_ms(child) - before, 0, 100);
	worker_probe(service, 1, 3, PROBE_OF_NEW, "192.168.7.10", 1);
	answer = worker_receive(service);
	assert_int_equal(answer.error, ENXIO);
	assert_int_equal(answer.probes[0].taken, 1);
	worker_stop(child, service);
}

static void test_link_down(void **state)
{
	namespace_test(link_down);
}

/* Sends one packet of a DHCP client from the far end. */
static void send_dhcp(unsigned int far)
{
	struct {
		struct iphdr ip;
		struct udphdr udp;
		uint8_t data[240];
	} packet = { .ip = { .version = 4,
			     .ihl = 5,
			     .protocol = IPPROTO_UDP,
			     .tot_len = htons(sizeof(packet)) },
		     .udp = { .source = htons(68), .dest = htons(67) } };
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETHERTYPE_IP),
				  .sll_ifindex = (int)far,
				  .sll_halen = ETH_ALEN };
	cleanup_fd int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(to.sll_addr, 0xff, ETH_ALEN);
	assert_int_equal(sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)),
			 sizeof(packet));
}

/* Gives VM 1 a DHCP relay; returns the launcher's end. */
static int open_dhcp(int service, const char *ifname)
{
	const struct worker_message message = { .type = WORKER_DHCP, .vm = 1, .mac = ours };
	struct error err;
	int sockets[2], fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	fds[0] = dhcp_socket_open(if_nametoindex(ifname), &err);
	fds[1] = sockets[0];
	assert_true(fds[0] >= 0);
	worker_send_fds(service, &message, fds, 2);
	close(fds[0]);
	close(fds[1]);
	return sockets[1];
}

/* Waits for a record on the launcher's end; returns its size, 0 at end-of-file. */
static ssize_t receive_dhcp(int launcher, struct dhcp_record *record)
{
	struct pollfd poller = { .fd = launcher, .events = POLLIN };

	assert_int_equal(poll(&poller, 1, WORKER_WAIT_MS), 1);
	return recv(launcher, record, sizeof(*record), 0);
}

/* The guest's network card on the far end of the veth pair. */
static int open_guest(unsigned int far)
{
	const struct sockaddr_ll address = { .sll_family = AF_PACKET,
					     .sll_protocol = htons(ETHERTYPE_IP),
					     .sll_ifindex = (int)far };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Makes a client's packet one of a server. */
static void to_answer(struct dhcp_record *record)
{
	const struct udphdr udp = { .source = htons(67),
				    .dest = htons(68),
				    .len = htons((uint16_t)(record->size - sizeof(struct iphdr))) };

	memcpy(record->packet + sizeof(struct iphdr), &udp, sizeof(udp));
}

/* Relays both ways, without an ARP socket; a launcher that is gone ends only its relay. */
static void dhcp(void)
{
	const unsigned int far = if_nametoindex("e0-p");
	struct worker_message message = { .type = WORKER_FORGET, .vm = 1 };
	struct dhcp_record record;
	struct ether_header ethernet;
	cleanup_fd int guest = open_guest(far);
	int service;
	pid_t child = worker_start(&service);
	cleanup_fd int first = open_dhcp(service, "e0");
	cleanup_fd int second = -1;
	cleanup_fd int third = -1;

	worker_sync(service);
	send_dhcp(far);
	assert_int_equal(receive_dhcp(first, &record), sizeof(record));
	assert_int_equal(record.size, 268);
	to_answer(&record);
	assert_int_equal(send(first, &record, sizeof(record), 0), sizeof(record));
	assert_int_equal(recv(guest, &ethernet, sizeof(ethernet), MSG_TRUNC), 282);
	assert_memory_equal(ethernet.ether_shost, &ours, sizeof(ours));
	send_dhcp(far);
	assert_int_equal(receive_dhcp(first, &record), sizeof(record));
	second = open_dhcp(service, "e0");
	assert_int_equal(receive_dhcp(first, &record), 0);
	/* The packet is no server's, so it closes the relay. */
	assert_int_equal(send(second, &record, sizeof(record), MSG_NOSIGNAL), sizeof(record));
	assert_true(receive_dhcp(second, &record) <= 0);
	third = open_dhcp(service, "e0");
	close(take_fd(&third));
	third = open_dhcp(service, "e0");
	worker_sync(service);
	send_dhcp(far);
	assert_int_equal(receive_dhcp(third, &record), sizeof(record));
	worker_send(service, &message);
	assert_int_equal(receive_dhcp(third, &record), 0);
	worker_stop(child, service);
}

static void test_dhcp(void **state)
{
	namespace_test(dhcp);
}

/* Sends an ARP request or an IPv4 header of a guest out of e0-p. */
static void guest_sends(int guest, bool ip, const char *from)
{
	const struct in_addr sender = address(from);
	unsigned char frame[60] = { [0] = 2, [5] = 1, [6] = 2, [11] = 2, [12] = 8 };

	frame[13] = ip ? 0 : 6;
	frame[14] = ip ? 0x45 : 0;
	memcpy(frame + (ip ? 26 : 28), &sender, sizeof(sender));
	assert_int_equal(send(guest, frame, sizeof(frame), 0), sizeof(frame));
}

/* Reads one frame; returns true if the guest's foreign address is this one. */
static bool is_stranger(struct stranger *stranger, const char *text)
{
	struct pollfd poller = { .fd = stranger->socket, .events = POLLIN };
	struct ether_addr mac;
	struct in_addr sender;

	if (poll(&poller, 1, 100) == 0)
		return false;
	return stranger_receive(stranger, &sender, &mac) && ipv4_equal(sender, address(text)) &&
	       !memcmp(&mac, &theirs, sizeof(mac));
}

/* A foreign address of a guest is found once, after the time that it has to take its own. */
static void sources(void)
{
	struct stranger stranger = { .socket = -1, .listen_at = UINT64_MAX };
	struct error err;
	int guest;

	assert_int_equal(namespace_run("ip link set e0 arp off address 02:00:00:00:00:01 && "
				       "ip link set e0-p arp off address 02:00:00:00:00:02"),
			 0);
	guest = arp_socket_open(if_nametoindex("e0-p"), &err);
	assert_true(guest >= 0);
	for (int ip = 0; ip < 2; ip++) {
		stranger.address.s_addr = INADDR_ANY;
		stranger_open(&stranger, packet_socket_open(if_nametoindex("e0"), ETH_P_ALL, &err),
			      1000);
		assert_true(stranger.socket >= 0);
		stranger_step(&stranger, 100000);
		guest_sends(guest, ip, "192.168.7.10");
		assert_false(is_stranger(&stranger, "192.168.7.10"));

		stranger_expect(&stranger, address("192.168.7.9"), 1000);
		stranger_step(&stranger, 999 + STRANGER_SETTLE_MS);
		guest_sends(guest, ip, "192.168.7.10");
		assert_false(is_stranger(&stranger, "192.168.7.10"));
		stranger_step(&stranger, 1000 + STRANGER_SETTLE_MS);
		guest_sends(guest, ip, "192.168.7.9");
		guest_sends(guest, ip, "0.0.0.0");
		assert_false(is_stranger(&stranger, "192.168.7.9"));
		guest_sends(guest, ip, "192.168.7.10");
		guest_sends(guest, ip, "192.168.7.11");
		assert_true(is_stranger(&stranger, "192.168.7.10"));
		assert_false(is_stranger(&stranger, "192.168.7.11"));
		assert_false(is_stranger(&stranger, "192.168.7.11"));

		/* Another address begins anew; the same one does not. */
		stranger_expect(&stranger, address("192.168.7.9"), 20000);
		stranger_step(&stranger, 90000);
		guest_sends(guest, ip, "192.168.7.10");
		assert_false(is_stranger(&stranger, "192.168.7.10"));
		stranger_expect(&stranger, address("192.168.7.8"), 20000);
		stranger_step(&stranger, 90000);
		guest_sends(guest, ip, "192.168.7.9");
		assert_true(is_stranger(&stranger, "192.168.7.9"));
	}
	stranger_close(&stranger);
	close(guest);
}

static void test_sources(void **state)
{
	namespace_test(sources);
}

/* As many VMs as may be, each with its sockets, and one more. */
static void crowd(void)
{
	const struct rlimit limit = { 4096, 4096 };
	const struct arp probe = arp_probe(&theirs, address("192.168.7.255"));
	cleanup_fd int there = -1;
	struct worker_message message;
	struct error err;
	int service;
	pid_t child;

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	child = worker_start(&service);
	there = worker_far_end();
	for (uint32_t vm = 0; vm < WORKER_VMS_MAX; vm++)
		worker_open(service, vm, "e0");
	for (uint32_t vm = 0; vm < WORKER_VMS_MAX; vm++) {
		message = (struct worker_message){ .type = WORKER_DEFEND, .vm = vm };
		message.address.s_addr = htonl(0xc0a80700 + vm);
		worker_send(service, &message);
	}
	worker_sync(service);
	assert_int_equal(arp_send(there, &probe, &err), 0);
	assert_true(ipv4_equal(worker_arp(there).sender, address("192.168.7.255")));

	message = (struct worker_message){ .type = WORKER_FORGET, .vm = 17 };
	worker_send(service, &message);
	worker_send(service, &message);
	worker_open(service, 1000, "e0");
	worker_sync(service);
	worker_open(service, 1001, "e0");
	assert_int_equal(namespace_wait(child), 1);
	close(service);
}

static void test_crowd(void **state)
{
	namespace_test(crowd);
}

/* A mistake of the service ends the worker with an error. */
static const struct mistake {
	struct worker_message message;
	size_t fds;
} mistakes[] = {
	{ { .type = WORKER_PROBE, .vm = 2, .count = 1 }, 0 },
	{ { .type = WORKER_DEFEND, .vm = 2, .address = { 1 } }, 0 },
	{ { .type = WORKER_PROBE, .vm = 1, .count = 0 }, 0 },
	{ { .type = WORKER_PROBE, .vm = 1, .count = PROBE_BATCH_MAX + 1 }, 0 },
	{ { .type = WORKER_PROBE, .vm = 1, .count = 1, .kind = PROBE_OF_STRICT + 1 }, 0 },
	{ { .type = WORKER_FIND, .vm = 1 }, 0 },
	{ { .type = WORKER_DEFEND, .vm = 1 }, 0 },
	{ { .type = WORKER_DEFEND, .vm = 1, .address = { 1 }, .announce = 2 }, 0 },
	{ { .type = WORKER_PROBED, .vm = 1 }, 0 },
	{ { .type = WORKER_DEFEND, .vm = 1, .address = { 1 }, .repeat = 2 }, 0 },
	{ { .type = WORKER_ACCESS, .vm = 1, .address = { 1 } }, 1 },
	{ { .type = WORKER_ACCESS, .vm = 1, .router = { .address = { 1 } } }, 1 },
	{ { .type = WORKER_ACCESS, .vm = 1, .address = { 1 }, .router = { .address = { 1 } } }, 0 },
	{ { .type = WORKER_ACCESSED + 1, .vm = 1 }, 0 },
	{ { .type = WORKER_OPEN, .vm = 1 }, 0 },
	{ { .type = WORKER_OPEN, .vm = 1 }, 2 },
	{ { .type = WORKER_DHCP, .vm = 1 }, 1 },
	{ { .type = WORKER_DHCP, .vm = 1 }, 3 },
	{ { .type = WORKER_REST, .vm = 1 }, 1 },
};

static void wrong(void)
{
	const int fds[] = { STDIN_FILENO, STDIN_FILENO, STDIN_FILENO };
	struct worker_message message = { .type = WORKER_REST, .vm = 1 };
	int service;
	pid_t child;

	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		int status;

		child = worker_start(&service);
		worker_open(service, 1, "e0");
		worker_send_fds(service, &mistakes[i].message, fds, mistakes[i].fds);
		status = namespace_wait(child);
		if (status != 1)
			fail_msg("mistake %zu: status %d", i, status);
		close(service);
	}
	child = worker_start(&service);
	worker_open(service, 1, "e0");
	assert_int_equal(send(service, &message, sizeof(message) - 1, 0), sizeof(message) - 1);
	assert_int_equal(namespace_wait(child), 1);
	close(service);
}

static void test_wrong(void **state)
{
	namespace_test(wrong);
}

/* A VM with DHCP alone has no ARP socket. */
static void no_arp(void)
{
	const struct worker_message message = { .type = WORKER_REST, .vm = 1 };
	int service;
	pid_t child = worker_start(&service);
	int launcher = open_dhcp(service, "e0");

	worker_send(service, &message);
	assert_int_equal(namespace_wait(child), 1);
	close(launcher);
	close(service);
}

static void test_no_arp(void **state)
{
	namespace_test(no_arp);
}

/* A service that does not read loses no answer. */
static void not_reading(void)
{
	const struct worker_message rest = { .type = WORKER_REST, .vm = 0 };
	bool seen[20] = { false };
	int service;
	/* Few answers fit in the queue. */
	pid_t child = worker_start_limited(&service, 1);

	for (uint32_t vm = 0; vm < ARRAY_SIZE(seen); vm++)
		worker_open(service, vm, "e0");
	for (int round = 0; round < 8; round++)
		for (uint32_t vm = 0; vm < ARRAY_SIZE(seen); vm++)
			worker_probe(service, vm, vm + 100, PROBE_OF_REMEMBERED, "192.168.7.77", 1);
	worker_send(service, &rest);
	nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL);
	for (size_t i = 1; i < ARRAY_SIZE(seen); i++) {
		const struct worker_message answer = worker_receive(service);

		assert_int_equal(answer.job, answer.vm + 100);
		assert_false(seen[answer.vm]);
		seen[answer.vm] = true;
	}
	assert_false(seen[0]);
	assert_true(worker_silent(service, 50));
	worker_stop(child, service);
}

static void test_not_reading(void **state)
{
	namespace_test(not_reading);
}

/* Calls that a worker must not make; the filter kills it. */

static int packet_socket = -1;

static void try_open(void)
{
	open("/dev/null", O_RDONLY);
}

static void try_socket(void)
{
	socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static void try_netlink(void)
{
	socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

static void try_bind(void)
{
	const struct sockaddr_ll other = { .sll_family = AF_PACKET };

	bind(packet_socket, (const struct sockaddr *)&other, sizeof(other));
}

static void try_sendto(void)
{
	const struct sockaddr_ll other = { .sll_family = AF_PACKET, .sll_ifindex = 1 };

	sendto(packet_socket, "x", 1, 0, (const struct sockaddr *)&other, sizeof(other));
}

static void try_sendmsg(void)
{
	sendmsg(packet_socket, &(struct msghdr){ 0 }, 0);
}

static void try_sendmmsg(void)
{
	sendmmsg(packet_socket, &(struct mmsghdr){ 0 }, 1, 0);
}

static void try_option(void)
{
	const int on = 1;

	setsockopt(packet_socket, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on));
}

static void try_mark(void)
{
	const int on = 1;

	setsockopt(packet_socket, SOL_SOCKET, SO_MARK, &on, sizeof(on));
}

static void try_kill(void)
{
	kill(getppid(), 0);
}

static void try_fork(void)
{
	syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void try_clone3(void)
{
	syscall(SYS_clone3, NULL, 0);
}

static void try_execve(void)
{
	char *const none[] = { NULL };

	execve("/bin/true", none, none);
}

static void try_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void try_mprotect(void)
{
	static _Alignas(4096) char page[4096];

	mprotect(page, sizeof(page), PROT_READ);
}

static void try_ioctl(void)
{
	ioctl(packet_socket, SIOCGIFINDEX, &(struct ifreq){ 0 });
}

static void try_fcntl(void)
{
	fcntl(packet_socket, F_GETFL);
}

static void try_prctl(void)
{
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void try_unlink(void)
{
	unlink("/run/vmrun/x");
}

static void (*const forbidden[])(void) = {
	try_open,     try_socket, try_netlink, try_bind,  try_sendto, try_sendmsg, try_sendmmsg,
	try_option,   try_mark,   try_kill,    try_fork,  try_clone3, try_execve,  try_code,
	try_mprotect, try_ioctl,  try_fcntl,   try_prctl, try_unlink,
};

static void confined(void)
{
	struct error err;

	packet_socket = arp_socket_open(if_nametoindex("e0"), &err);
	assert_true(packet_socket >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			if (worker_confine(&err) < 0)
				_exit(99);
			forbidden[i]();
			_exit(DONE);
		}
		status = namespace_wait(child);
		if (status != 128 + SIGSYS)
			fail_msg("call %zu of the table: status %d", i, status);
	}
}

static void test_confined(void **state)
{
	if (FILTERED)
		namespace_test(confined);
}

/* Without the filter, neither a capability nor a file is left. */
static void unprivileged(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	struct error err;

	assert_int_equal(capabilities_drop_all(&err), 0);
	assert_int_equal(landlock_confine_worker(&err), 0);
	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(data[i].effective | data[i].permitted | data[i].inheritable, 0);
	assert_int_equal(prctl(PR_CAPBSET_READ, CAP_NET_RAW, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
	assert_int_equal(socket(AF_PACKET, SOCK_RAW, 0), -1);
	assert_int_equal(errno, EPERM);
	if (!FILTERED || syscall(SYS_landlock_create_ruleset, NULL, 0, 1) <= 0)
		return;
	assert_int_equal(open("/dev/null", O_RDWR), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(open("/run", O_RDONLY | O_DIRECTORY), -1);
	assert_int_equal(errno, EACCES);
}

static void test_unprivileged(void **state)
{
	namespace_test(unprivileged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probes),         cmocka_unit_test(test_early),
		cmocka_unit_test(test_former_answers), cmocka_unit_test(test_answered_while_asleep),
		cmocka_unit_test(test_flood),          cmocka_unit_test(test_router),
		cmocka_unit_test(test_access_point),   cmocka_unit_test(test_defence),
		cmocka_unit_test(test_link_down),      cmocka_unit_test(test_dhcp),
		cmocka_unit_test(test_sources),        cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_wrong),          cmocka_unit_test(test_no_arp),
		cmocka_unit_test(test_not_reading),    cmocka_unit_test(test_confined),
		cmocka_unit_test(test_unprivileged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
