// SPDX-License-Identifier: GPL-2.0-or-later
// Opens what the worker asks the kernel by: a gate and a table that traces.
#ifndef NETSETUP_MAKER_ASK_H
#define NETSETUP_MAKER_ASK_H

#include <net/ethernet.h>
#include <netinet/in.h>

#include "netsetup/base/error.h"
#include "netsetup/base/ifname.h"
#include "netsetup/kernel/netlink.h"
#include "netsetup/table/gate.h"

/*
 * Theory of operation: see netsetup/worker/question.h. The gate is a tap that exists for one
 * question. A frame that is written to its descriptor enters the VM's tap if the guest's address
 * is its source, and the uplink if that is the station's. The table is of the family ip, and
 * belongs to the socket that receives the traces:
 *
 *   chain asked    prerouting, before all others but defragmentation: has packets between the two
 *                  addresses traced
 *   chain reached  forward, before all others
 *   chain passed   postrouting, after all others: drops what is of the tap or for the guest, and
 *                  has a sample's identification, and ICMP errors about samples, so that no packet
 *                  leaves the host
 *
 * Both are gone when the descriptors are closed. For the time of the question, a guest that runs
 * loses the packets that have such an identification by chance.
 */

/*
 * Before the ifindex of the tap, in hexadecimal, in the names of the gate and the table. No digit
 * is a 'q', as in "question".
 */
#define ASK_GATE_PREFIX  GATE_PREFIX "q"
#define ASK_TABLE_PREFIX "vmrun-ask-"

/* Of the samples, in the IPv4 header's field "identification", without its low octet. */
#define ASK_SAMPLE_ID 0x5600

#define ASK_CHAIN_ASKED   "asked"
#define ASK_CHAIN_REACHED "reached"
#define ASK_CHAIN_PASSED  "passed"

/* The gate's hardware address, to which the frames are sent; locally administered. */
#define ASK_GATE_MAC                                       \
	{                                                  \
		{                                          \
			0x02, 0x76, 0x6d, 0x72, 0x75, 0x6e \
		}                                          \
	}

/* Descriptors of a question. */
enum ask_fd {
	ASK_GATE,
	ASK_TRACE,
	ASK_FDS,
};

/**
 * ask_open() - make the gate and the table.
 * @guest: the VM's address.
 * @station: another address of the uplink's subnet, which no station should have.
 * @fds: by enum ask_fd, owned by the caller.
 *
 * Return: 0; -EBUSY if the VM has a question already; -ENOENT or -EOPNOTSUPP if the kernel lacks a
 * part; or another negative errno.
 */
int ask_open(struct nl_sock *route, struct interface_id tap, struct interface_id uplink,
	     struct in_addr guest, struct in_addr station, int fds[ASK_FDS], struct error *err);

/**
 * ask_listen() - open a socket that receives the changes of all tables of nf_tables. It takes
 * CAP_NET_ADMIN to open it, and none to read it.
 *
 * Return: the socket, owned by the caller, or a negative errno.
 */
int ask_listen(struct error *err);

#endif
