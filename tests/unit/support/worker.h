// SPDX-License-Identifier: GPL-2.0-or-later
// Starts a confined worker in a child, and speaks with it as the service does.
#ifndef TESTS_UNIT_SUPPORT_WORKER_H
#define TESTS_UNIT_SUPPORT_WORKER_H

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/clock.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/worker/worker.h"
#include "netsetup/worker/worker_message.h"
#include "tests/unit/support/namespace.h"
#include "tests/unit/support/packet.h"

#define WORKER_WAIT_MS 60000

static const struct ether_addr ours = { { 2, 0, 0, 0, 0, 1 } };
static const struct ether_addr former = { { 2, 0, 0, 0, 0, 3 } };
static const struct ether_addr theirs = { { 2, 0, 0, 0, 0, 2 } };

static inline struct in_addr address(const char *text)
{
	struct in_addr parsed;

	assert_true(ipv4_parse(text, &parsed));
	return parsed;
}

/*
 * Runs the worker in a child, whose exit status is 0 if worker_run() succeeded.
 * @queue: octets of its messages that may wait to be read; the kernel has a minimum.
 */
static inline pid_t worker_start_limited(int *service, int queue)
{
	int sockets[2];
	pid_t child;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	assert_int_equal(setsockopt(sockets[1], SOL_SOCKET, SO_SNDBUF, &queue, sizeof(queue)), 0);
	child = fork();
	if (child == 0) {
		struct error err = { 0 };
		sigset_t all;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		close(sockets[0]);
		if (worker_confine(&err) < 0)
			_exit(99);
		_exit(worker_run(sockets[1], &err) == 0 ? 0 : 1);
	}
	close(sockets[1]);
	*service = sockets[0];
	return child;
}

static inline pid_t worker_start(int *service)
{
	return worker_start_limited(service, 200000);
}

/* Ends the worker; fails if it has ended before or with an error. */
static inline void worker_stop(pid_t child, int service)
{
	close(service);
	assert_int_equal(namespace_wait(child), 0);
}

/* Sends a message with @count descriptors. */
static inline void worker_send_fds(int service, const struct worker_message *message,
				   const int *fds, size_t count)
{
	struct iovec data = { (void *)message, sizeof(*message) };
	union {
		char space[CMSG_SPACE(sizeof(int) * 4)];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr header = { .msg_iov = &data, .msg_iovlen = 1 };

	if (count) {
		header.msg_control = control.space;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * count);
	}
	assert_int_equal(sendmsg(service, &header, MSG_NOSIGNAL), sizeof(*message));
}

static inline void worker_send(int service, const struct worker_message *message)
{
	worker_send_fds(service, message, NULL, 0);
}

/* Gives a VM an ARP socket on the interface; its hardware address is @ours, once it was @former. */
static inline void worker_open(int service, uint32_t vm, const char *ifname)
{
	const struct worker_message message = {
		.type = WORKER_OPEN, .vm = vm, .mac = ours, .own = { ours, former }
	};
	struct error err;
	cleanup_fd int arp = arp_socket_open(if_nametoindex(ifname), &err);

	assert_true(arp >= 0);
	worker_send_fds(service, &message, &arp, 1);
}

static inline struct worker_message worker_receive(int service)
{
	struct pollfd poller = { .fd = service, .events = POLLIN };
	struct worker_message message;

	assert_int_equal(poll(&poller, 1, WORKER_WAIT_MS), 1);
	assert_int_equal(recv(service, &message, sizeof(message), 0), sizeof(message));
	return message;
}

static inline bool worker_silent(int service, int milliseconds)
{
	struct pollfd poller = { .fd = service, .events = POLLIN };

	return poll(&poller, 1, milliseconds) == 0;
}

/* Requests to probe @count addresses from @first upwards. */
static inline void worker_probe(int service, uint32_t vm, uint32_t job, enum probe_kind kind,
				const char *first, uint32_t count)
{
	struct worker_message message = {
		.type = WORKER_PROBE, .vm = vm, .job = job, .kind = kind, .count = count
	};

	for (uint32_t i = 0; i < count && i < PROBE_BATCH_MAX; i++)
		message.probes[i].address.s_addr = htonl(ntohl(address(first).s_addr) + i);
	worker_send(service, &message);
}

static inline void worker_defend(int service, uint32_t vm, const char *defended, uint8_t announce)
{
	const struct worker_message message = {
		.type = WORKER_DEFEND, .vm = vm, .address = address(defended), .announce = announce
	};

	worker_send(service, &message);
}

/* Waits until the worker has read all messages so far, and has acted on the last. */
static inline void worker_sync(int service)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	int queued = 1;

	while (queued > 0) {
		assert_int_equal(ioctl(service, TIOCOUTQ, &queued), 0);
		nanosleep(&moment, NULL);
	}
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
}

/* Waits for an ARP packet of the worker. */
static inline struct arp worker_arp(int there)
{
	struct pollfd poller = { .fd = there, .events = POLLIN };
	struct arp arp;
	int ret;

	do {
		assert_int_equal(poll(&poller, 1, WORKER_WAIT_MS), 1);
		ret = arp_receive(there, &arp);
	} while (ret == -EAGAIN);
	assert_int_equal(ret, 0);
	return arp;
}

/* Sends packets until it is killed. */
static inline pid_t worker_flood(int there, const struct arp *arp)
{
	pid_t child = fork();

	if (child == 0) {
		struct error err;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			arp_send(there, arp, &err);
	}
	return child;
}

/* Opens the far end of the uplink; the kernel sends no ARP of its own there. */
static inline int worker_far_end(void)
{
	struct error err;
	int there;

	assert_int_equal(namespace_run("ip link set e0 arp off address 02:00:00:00:00:01 && "
				       "ip link set e0-p arp off address 02:00:00:00:00:02"),
			 0);
	there = arp_socket_open(if_nametoindex("e0-p"), &err);
	assert_true(there >= 0);
	return there;
}

#endif
