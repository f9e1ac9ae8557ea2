// SPDX-License-Identifier: GPL-2.0-or-later
// Finds out if the access point passes a second address of this station.
#ifndef NETSETUP_WORKER_ACCESS_PROBE_H
#define NETSETUP_WORKER_ACCESS_PROBE_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/protocol/protocol.h"

/*
 * Theory of operation: some access points permit one address for each station, or one with a DHCP
 * lease. Some firmware hides ARP requests for an address that is not the interface's. So the router
 * is pinged from the VM's address before the LAN knows that. It must ask who has the address, and
 * then reply. If it does neither, the address is announced all the same, and the router is pinged
 * again, from the VM's address and from this host's own. An answer then means that requests are
 * hidden. None means that packets of the address are dropped, if this host has its own.
 *
 * The guest does not run yet, so the probe answers the router's request. Frames are for the router
 * alone, and no more than 7: three pings, two requests, two replies.
 *
 * A reply without a request shows less: the router knew the address, and the question is if it will
 * find it again. A network that is slower than the wait for the announcement proves as little, so
 * the time of this host's ping counts, too.
 */

/* The announcement waits for the router's first request or reply for so long, in milliseconds. */
#define ACCESS_PROBE_HOLD_MS 50

/*
 * Time for the rest. An access point keeps a broadcast until its next DTIM, which is up to 300 ms,
 * if one of its stations sleeps.
 */
#define ACCESS_PROBE_WAIT_MS 1000

/* The socket is closed later, because the kernel has the process wait for some 20 ms then. */
#define ACCESS_PROBE_CLOSE_MS 1500

enum access_probe_step {
	ACCESS_PROBE_NONE,
	ACCESS_PROBE_FIRST,     /* before the announcement */
	ACCESS_PROBE_ANNOUNCED, /* the second round is due */
	ACCESS_PROBE_SECOND,
	ACCESS_PROBE_RESULT, /* the caller has not taken it yet */
	ACCESS_PROBE_OVER,   /* the socket is still open */
};

/**
 * struct access_probe - the probe of one address.
 * @socket: of host_frame_socket(), owned, or -1.
 * @job: of the request.
 * @mac: the station's; @router_mac: the router's.
 * @address: the VM's.
 * @host: this host's own address.
 * @deadline: time of the next step, ms of CLOCK_MONOTONIC.
 * @second_at: time of the second round.
 * @answers: number of the router's requests that were answered.
 * @asked: somebody's request for the address has arrived.
 * @answered: the router has replied to a ping of the address; @found: to its request.
 * @host_answered: in less than ACCESS_PROBE_HOLD_MS; @host_found: as @answered and @found, for this
 *                 host.
 * @host_late: as @host_answered, but later.
 */
struct access_probe {
	int socket;
	uint32_t job;
	struct ether_addr mac;
	struct ether_addr router_mac;
	struct in_addr router;
	struct in_addr address;
	struct in_addr host;
	enum access_probe_step step;
	uint64_t deadline;
	uint64_t second_at;
	unsigned int answers;
	bool asked;
	bool answered;
	bool found;
	bool host_answered;
	bool host_late;
	bool host_found;
	enum access_result result;
};

#define ACCESS_PROBE_CLOSED                          \
	{                                            \
		.socket = -1, .deadline = UINT64_MAX \
	}

/**
 * access_probe_start() - send the first ping.
 * @probe: closed, but for its socket, job, addresses and hardware addresses.
 * @now: ms of CLOCK_MONOTONIC.
 */
void access_probe_start(struct access_probe *probe, uint64_t now);

/* access_probe_holds() - true if the announcement of the address must wait. */
bool access_probe_holds(const struct access_probe *probe, struct in_addr address);

/* access_probe_apply() - apply one frame: @size bytes of a station, which need not be whole. */
void access_probe_apply(struct access_probe *probe, const uint8_t *frame, size_t size,
			uint64_t now);

/* access_probe_receive() - read some frames. */
void access_probe_receive(struct access_probe *probe, uint64_t now);

/**
 * access_probe_step() - do what is due. All frames that came before @now must have been applied.
 *
 * Return: true if @probe->result is there and access_probe_end() is yet to be called.
 */
bool access_probe_step(struct access_probe *probe, uint64_t now);

/* access_probe_end() - receive nothing more; the socket is closed by a later step. */
void access_probe_end(struct access_probe *probe, uint64_t now);

/* access_probe_close() - close the socket. */
void access_probe_close(struct access_probe *probe);

#endif
