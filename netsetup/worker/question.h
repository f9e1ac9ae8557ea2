// SPDX-License-Identifier: GPL-2.0-or-later
// Asks the kernel if it forwards the guest's packets, and what drops them.
#ifndef NETSETUP_WORKER_QUESTION_H
#define NETSETUP_WORKER_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "netsetup/worker/sample.h"
#include "netsetup/worker/trace.h"

/*
 * Theory of operation: the maker has made a gate and a table of nf_tables (ask.h). A frame that is
 * written to the gate's descriptor enters the tap or the uplink, as its source address says, as if
 * the guest or the LAN had sent it. The table has the kernel report each step of such a packet.
 * Its chain "reached" sees a packet before all others of the forward hook, and its chain "passed"
 * after all of the postrouting hook; it drops the packet there. So no packet leaves the host,
 * whatever the answer is, and a guest that runs gets none. A packet that neither passes nor is
 * reported as dropped is waited for, QUESTION_WAIT_MS.
 */

/* Time for packets that vanish, in milliseconds. Others are decided in about 0.3 ms. */
#define QUESTION_WAIT_MS 60

/**
 * struct question_flow - the progress of one sample.
 * @id: of its traces; @seen is true if it is known.
 * @reached: it came to the forward hook.
 * @owner: enum verdict_owner of the present base chain, by the names of its chains.
 * @base: name of the present base chain; empty if it was cut.
 */
struct question_flow {
	uint32_t id;
	bool seen;
	bool reached;
	uint8_t owner;
	char base[NFT_NAME_SIZE];
};

/**
 * struct question - one question.
 * @gate: descriptor of the gate, owned; -1: it is closed.
 * @trace: the socket that owns the table and receives traces, owned.
 * @uplink, @tap: their ifindexes.
 * @undecided: number of samples whose fate is unknown.
 * @deadline: ms of CLOCK_MONOTONIC.
 * @job: of the request; 0: there is no question, or it was answered.
 */
struct question {
	int gate;
	int trace;
	struct sample_ends ends;
	uint32_t uplink;
	uint32_t tap;
	struct question_flow flows[SAMPLE_COUNT];
	unsigned int undecided;
	uint64_t deadline;
	uint32_t job;
	struct verdict verdict;
};

/**
 * question_start() - write all samples.
 * @question: with its descriptors, @ends, @uplink and @tap; the rest is overwritten.
 * @now: ms of CLOCK_MONOTONIC.
 */
void question_start(struct question *question, uint64_t now);

/* question_receive() - read the traces that are there. */
void question_receive(struct question *question);

/* question_apply() - apply one step of a traced packet, of any sender. */
void question_apply(struct question *question, const struct trace *trace);

/**
 * question_step() - true if the verdict is complete. All traces that came before @now must have
 * been received.
 */
bool question_step(struct question *question, uint64_t now);

/* question_close() - close the descriptors: the kernel removes the gate and the table. */
void question_close(struct question *question);

#endif
