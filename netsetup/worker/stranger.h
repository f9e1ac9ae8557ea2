// SPDX-License-Identifier: GPL-2.0-or-later
// Finds out if a guest sends from an address that is not its own.
#ifndef NETSETUP_WORKER_STRANGER_H
#define NETSETUP_WORKER_STRANGER_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Theory of operation: the uplink's table and reverse-path filtering drop what a guest sends from a
 * foreign address. Its user sees only that nothing answers, so the first such frame is reported. A
 * guest that was given another address needs a moment to take it. After the report the kernel drops
 * all frames for this socket, so that a guest cannot keep the worker busy.
 */

/* Time that a guest has to take its address, in milliseconds. */
#define STRANGER_SETTLE_MS 10000

/**
 * struct stranger - the check of one guest's frames.
 * @socket: for source_socket_listen(), owned, or -1.
 * @address: the guest's; 0.0.0.0: not known yet.
 * @listen_at: when to begin, ms of CLOCK_MONOTONIC; UINT64_MAX: it has begun, or has ended.
 * @listening: true until the first foreign frame.
 */
struct stranger {
	int socket;
	struct in_addr address;
	uint64_t listen_at;
	bool listening;
};

/* stranger_open() - take a socket over instead of the present one; stranger_close() - close it. */
void stranger_open(struct stranger *stranger, int socket, uint64_t now);
void stranger_close(struct stranger *stranger);

/* stranger_expect() - set the guest's address; @now: ms of CLOCK_MONOTONIC. */
void stranger_expect(struct stranger *stranger, struct in_addr address, uint64_t now);

/* stranger_step() - begin to listen if that is due. */
void stranger_step(struct stranger *stranger, uint64_t now);

/**
 * stranger_receive() - read frames.
 * @mac: hardware address of the frame's sender.
 *
 * Return: true if the guest has sent from @sender, once for each address that it is given.
 */
bool stranger_receive(struct stranger *stranger, struct in_addr *sender, struct ether_addr *mac);

#endif
