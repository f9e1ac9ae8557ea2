// SPDX-License-Identifier: GPL-2.0-or-later
// Proves by ARP probes that addresses are free (RFC 5227 section 2.1).
#include "netsetup/lease/probe.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/clock.h"
#include "netsetup/base/ipv4.h"

/* Larger than the number of packets in a packet socket's buffer. */
#define DRAIN_MAX 1024

const struct probe_timing probe_strict = {
	.delay_max = 1000, .count = 3, .interval_min = 1000, .interval_max = 2000, .wait = 2000
};
const struct probe_timing probe_new = {
	.count = 3, .interval_min = 250, .interval_max = 250, .wait = 400
};
const struct probe_timing probe_remembered = {
	.count = 3, .interval_min = 60, .interval_max = 60, .wait = 90
};

/* Returns a random number from @min to @max, so hosts that start together get out of step. */
static unsigned int random_between(unsigned int min, unsigned int max)
{
	uint32_t random = 0;

	if (min == max || getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		return max;
	return min + random % (max - min + 1);
}

size_t probe_judge(const struct arp *arp, const struct ether_addr *mac, struct probe *probes,
		   size_t count)
{
	const bool is_probe = ipv4_unset(arp->sender);
	size_t taken_count = 0;

	if (!memcmp(&arp->sender_mac, mac, sizeof(*mac)))
		return 0;
	for (size_t i = 0; i < count; i++) {
		/* The sender uses it, or another host probes for it right now (section 2.1.1). */
		if (!ipv4_equal(is_probe ? arp->target : arp->sender, probes[i].address))
			continue;
		if (!probes[i].taken)
			taken_count++;
		probes[i].taken = true;
		probes[i].mac = arp->sender_mac;
	}
	return taken_count;
}

/* Applies the received packets. The limit keeps a flood from blocking the helper. */
static int drain(int socket, const struct ether_addr *mac, struct probe *probes, size_t count,
		 size_t *free_count)
{
	for (unsigned int i = 0; i < DRAIN_MAX; i++) {
		struct arp arp;
		int ret = arp_receive(socket, &arp);

		if (ret == -EAGAIN)
			return 0;
		if (ret < 0)
			return ret;
		*free_count -= probe_judge(&arp, mac, probes, count);
	}
	return 0;
}

/* The socket, our hardware address on it, and the client's socket or -1. */
struct listener {
	int socket;
	const struct ether_addr *mac;
	int client;
};

/*
 * Reads answers until the deadline; returns early if no address is free. Packets that are there are
 * read even after the deadline, because this process may not have run until then.
 */
static int listen_until(const struct listener *listener, uint64_t deadline, struct probe *probes,
			size_t count, size_t *free_count)
{
	/* POLLRDHUP alone: the session reads the client's records later. */
	struct pollfd pollers[] = { { .fd = listener->socket, .events = POLLIN },
				    { .fd = listener->client, .events = POLLRDHUP } };
	uint64_t now;

	do {
		int ret;

		now = monotonic_ms();
		ret = poll(pollers, ARRAY_SIZE(pollers),
			   now < deadline ? (int)(deadline - now) : 0);
		if (ret < 0 && errno != EINTR)
			return -errno;
		if (ret > 0 && pollers[1].revents)
			return -ECONNRESET;
		ret = drain(listener->socket, listener->mac, probes, count, free_count);
		if (ret < 0)
			return ret;
	} while (*free_count > 0 && now < deadline);
	return 0;
}

static int send_round(int socket, unsigned int ifindex, const struct ether_addr *mac,
		      const struct probe *probes, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct arp arp = arp_probe(mac, probes[i].address);
		int ret;

		if (probes[i].taken)
			continue;
		ret = arp_send(socket, ifindex, &arp, err);
		if (ret < 0 && ret != -ENOBUFS && ret != -EAGAIN)
			return ret;
	}
	return 0;
}

int probe_run(int socket, unsigned int ifindex, const struct ether_addr *mac,
	      const struct probe_timing *timing, struct probe *probes, size_t count,
	      struct error *err)
{
	const struct listener listener = { socket, mac, timing->client ? *timing->client : -1 };
	size_t free_count = count;
	uint64_t deadline;
	int ret;

	assert(count >= 1 && count <= PROBE_BATCH_MAX);

	for (size_t i = 0; i < count; i++)
		probes[i].taken = false;
	deadline = monotonic_ms() + random_between(0, timing->delay_max);
	for (unsigned int round = 0; round <= timing->count; round++) {
		ret = listen_until(&listener, deadline, probes, count, &free_count);
		if (ret < 0)
			return error_set_errno(err, -ret, "cannot listen for ARP on interface %u",
					       ifindex);
		if (round == timing->count || free_count == 0)
			break;
		ret = send_round(socket, ifindex, mac, probes, count, err);
		if (ret < 0)
			return ret;
		deadline = monotonic_ms() +
			   (round + 1 < timing->count
				    ? random_between(timing->interval_min, timing->interval_max)
				    : timing->wait);
	}
	return 0;
}
