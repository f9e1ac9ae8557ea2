// SPDX-License-Identifier: GPL-2.0-or-later
// Declares the messages between the service and its worker.
#ifndef NETSETUP_WORKER_WORKER_MESSAGE_H
#define NETSETUP_WORKER_WORKER_MESSAGE_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "netsetup/protocol/protocol.h"
#include "netsetup/protocol/verdict.h"

/*
 * Theory of operation: the worker is a child of the service, without any capability. It holds the
 * sockets that the service has opened and bound for each VM, and does what takes time and reads
 * what strangers send: it probes addresses, defends them, asks for the router, and relays DHCP. It
 * starts nothing by itself. The messages pass on a SOCK_SEQPACKET socket pair, sockets by
 * SCM_RIGHTS. Both sides are of one binary, so a message has no version. The service checks the
 * size, the VM and the job of each message of the worker. The end of either process is the end of
 * both.
 *
 * A VM has at most one probe, one search for its router, one question to the kernel and one to the
 * access point at once: the next one replaces it, and what is replaced or ended is not answered. A
 * message that the worker cannot expect ends it, with one exception: WORKER_FORGET of a VM that it
 * does not know does nothing.
 */

/* Maximum number of VMs that the worker knows at once. Their numbers may be any. */
#define WORKER_VMS_MAX 256

/* Hardware addresses that uplinks of this host have or had. */
#define OWN_MACS_MAX 8

/* Maximum number of addresses that are probed at once. */
#define PROBE_BATCH_MAX 128

enum worker_type {
	/* To the worker. */
	WORKER_OPEN,  /* with an ARP socket, bound to the uplink, for the present one; ends the next
		       * three */
	WORKER_PROBE, /* answered by WORKER_PROBED */
	WORKER_FIND,  /* find the router's hardware address; answered by WORKER_FOUND */
	WORKER_DEFEND,  /* defend the address, and announce it twice if @announce */
	WORKER_REST,    /* end all but WORKER_ASK, and what the tap has; the socket stays open */
	WORKER_DHCP,    /* with a tap's packet socket and a DHCP socket, for the present ones */
	WORKER_SOURCES, /* with an ARP socket of the tap, for the present one */
	WORKER_FORGET,  /* close all that the VM has */
	WORKER_ASK,     /* with a gate and a socket for traces; answered by WORKER_ASKED */
	WORKER_ACCESS,  /* with a packet socket; before WORKER_DEFEND, whose announcement waits */
	/* From the worker. */
	WORKER_PROBED,
	WORKER_FOUND,
	WORKER_CONFLICT, /* sent as struct conflict_record says */
	WORKER_STRANGER, /* the guest sends from an address that is not its own; sent once */
	WORKER_ASKED,
	WORKER_ACCESSED, /* the answer to WORKER_ACCESS */
};

/**
 * struct probe - one address and the result of its probes.
 * @taken: 1: another host uses it, or probes for it at the same time.
 * @mac: hardware address of that host, if @taken.
 */
struct probe {
	struct in_addr address;
	uint8_t taken;
	struct ether_addr mac;
	uint8_t reserved; /* 0 */
};

/* Timing of a probe; struct probe_timing has the milliseconds. */
enum probe_kind {
	PROBE_OF_NEW,        /* an address that this VM never had here */
	PROBE_OF_REMEMBERED, /* the one of the last time here */
	PROBE_OF_STRICT,     /* RFC 5227 */
};

/**
 * struct worker_message - a message. Members that a type does not name are zero.
 * @type: enum worker_type.
 * @vm: number of the VM.
 * @job: WORKER_PROBE, WORKER_FIND, WORKER_ASK, WORKER_ACCESS: a number that the answer repeats.
 * @mac: WORKER_OPEN, WORKER_DHCP, WORKER_ACCESS: hardware address of the socket's interface.
 *       WORKER_FOUND: the router's, or zero if it did not answer. WORKER_CONFLICT: the other
 *       host's. WORKER_STRANGER: that of the frame's sender. WORKER_ASK: the guest's.
 * @own: WORKER_OPEN: hardware addresses that are this host's, then zero: an access point that
 *       answers for its stations may still do so with a former one.
 * @guest: WORKER_OPEN: the guest's hardware address, whose frames to this host enter by the uplink.
 * @address: WORKER_DEFEND, WORKER_CONFLICT, WORKER_STRANGER: the address; WORKER_FIND: the router;
 *           WORKER_ASK, WORKER_ACCESS: the guest.
 * @host: WORKER_FIND: the host's own address, which asks; WORKER_ACCESS: that address; WORKER_ASK:
 *        an address of the LAN.
 * @uplink, @tap: WORKER_ASK: their ifindexes.
 * @announce: WORKER_DEFEND: 1: announce it now and ANNOUNCE_INTERVAL later.
 * @repeat: WORKER_DEFEND: 1: announce it every minute, too.
 * @kind: WORKER_PROBE: enum probe_kind; WORKER_ACCESSED: enum access_result.
 * @error: WORKER_PROBED, WORKER_FOUND: 0, or a positive errno if the uplink sends nothing:
 *         ENETDOWN, ENXIO. Nothing is proven then, and all addresses are marked as taken.
 * @count: WORKER_PROBE, WORKER_PROBED: 1..PROBE_BATCH_MAX.
 * @probes: the addresses; in WORKER_PROBED with their results.
 * @verdict: WORKER_ASKED.
 * @router: WORKER_ACCESS: address and hardware address of the LAN's router.
 */
struct worker_message {
	uint32_t type;
	uint32_t vm;
	uint32_t job;
	struct ether_addr mac;
	struct ether_addr own[OWN_MACS_MAX];
	struct ether_addr guest;
	uint8_t announce;
	uint8_t kind;
	uint8_t repeat;
	uint8_t reserved[5]; /* 0 */
	struct in_addr address;
	struct in_addr host;
	int32_t error;
	uint32_t count;
	uint32_t uplink;
	uint32_t tap;
	union {
		struct probe probes[PROBE_BATCH_MAX];
		struct verdict verdict;
		struct {
			struct in_addr address;
			struct ether_addr mac;
		} router;
	};
};

#endif
