// SPDX-License-Identifier: GPL-2.0-or-later
// Proves by ARP probes that addresses are free (RFC 5227 section 2.1).
#include "netsetup/worker/probe.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "netsetup/base/ipv4.h"

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
		probes[i].taken = 1;
		probes[i].mac = arp->sender_mac;
	}
	return taken_count;
}

void probe_start(struct probe_batch *batch, const struct probe_timing *timing,
		 const struct probe *probes, size_t count, uint64_t now)
{
	assert(count >= 1 && count <= PROBE_BATCH_MAX);

	*batch = (struct probe_batch){ .timing = timing,
				       .count = count,
				       .free_count = count,
				       .deadline = now + random_between(0, timing->delay_max) };
	for (size_t i = 0; i < count; i++)
		batch->probes[i].address = probes[i].address;
}

void probe_fail(struct probe_batch *batch, int error)
{
	for (size_t i = 0; i < batch->count; i++)
		batch->probes[i].taken = 1;
	batch->free_count = 0;
	batch->error = error;
}

void probe_receive(struct probe_batch *batch, const struct ether_addr *mac, const struct arp *arp)
{
	if (batch->free_count > 0)
		batch->free_count -= probe_judge(arp, mac, batch->probes, batch->count);
}

/* Returns 0 or a positive errno; a full queue of the interface costs only one probe. */
static int send_round(const struct probe_batch *batch, int socket, const struct ether_addr *mac)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct arp arp = arp_probe(mac, batch->probes[i].address);
		struct error ignored;
		int ret;

		if (batch->probes[i].taken)
			continue;
		ret = arp_send(socket, &arp, &ignored);
		if (ret < 0 && ret != -ENOBUFS && ret != -EAGAIN)
			return -ret;
	}
	return 0;
}

bool probe_step(struct probe_batch *batch, int socket, const struct ether_addr *mac, uint64_t now)
{
	const struct probe_timing *timing = batch->timing;
	int error;

	if (batch->free_count == 0)
		return true;
	if (now < batch->deadline)
		return false;
	if (batch->round == timing->count)
		return true;
	error = send_round(batch, socket, mac);
	if (error) {
		probe_fail(batch, error);
		return true;
	}
	batch->round++;
	batch->deadline = now + (batch->round < timing->count ? random_between(timing->interval_min,
									       timing->interval_max)
							      : timing->wait);
	return false;
}
