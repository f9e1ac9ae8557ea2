// SPDX-License-Identifier: GPL-2.0-or-later
// Any frames of the LAN's to a question to the access point: bounded answers, no baseless result.
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsetup/base/ipv4.h"
#include "netsetup/worker/access_probe.h"
#include "tests/fuzz/fuzz.h"

/* An input is a sequence of frames, each behind two octets: milliseconds to wait, and its size. */
#define SENT_MAX 7

#define ROUTER 0x014da8c0 /* 192.168.77.1, little-endian */
#define HOST   0x024da8c0
#define VM     0x0a4da8c0

static const struct ether_addr station = { { 2, 0, 0, 0x77, 0, 2 } };
static const struct ether_addr router = { { 2, 0, 0, 0x77, 0, 1 } };

static unsigned int count_sent(int end)
{
	uint8_t frame[256];
	unsigned int count = 0;

	while (recv(end, frame, sizeof(frame), MSG_DONTWAIT) >= 0)
		count++;
	return count;
}

static void check_result(const struct access_probe *probe)
{
	must(probe->result < ACCESS_RESULTS);
	must(probe->result != ACCESS_OPEN || (probe->asked && probe->answered));
	must(probe->result != ACCESS_HIDDEN || (!probe->asked && probe->host_answered));
	must(probe->result != ACCESS_REFUSED || !probe->answered);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct access_probe probe = { .job = 1,
				      .mac = station,
				      .router_mac = router,
				      .router = { ROUTER },
				      .address = { VM },
				      .host = { HOST } };
	uint64_t now = 1;
	bool done = false;
	int sockets[2];

	must(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, sockets) == 0);
	probe.socket = sockets[0];
	access_probe_start(&probe, now);
	while (size > 2 && !done) {
		const size_t length = data[1] < size - 2 ? data[1] : size - 2;

		now += data[0];
		access_probe_apply(&probe, data + 2, length, now);
		done = access_probe_step(&probe, now);
		data += 2 + length;
		size -= 2 + length;
	}
	while (!done) {
		must(probe.deadline >= now && probe.deadline < UINT64_MAX);
		now = probe.deadline;
		done = access_probe_step(&probe, now);
	}
	check_result(&probe);
	must(count_sent(sockets[1]) <= SENT_MAX);
	access_probe_close(&probe);
	close(sockets[1]);
	return 0;
}
