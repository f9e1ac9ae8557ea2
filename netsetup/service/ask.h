// SPDX-License-Identifier: GPL-2.0-or-later
// Has the kernel asked if it forwards a VM's packets, and lets a firewall accept them.
#ifndef NETSETUP_SERVICE_ASK_H
#define NETSETUP_SERVICE_ASK_H

#include "netsetup/service/state.h"

/*
 * Theory of operation: the maker opens what a question needs (maker/ask.h), the worker asks
 * (worker/question.h) and sends a verdict. A VM waits for the verdict before it is attached; a VM
 * that runs is asked for without anybody waiting. The kernel is asked anew in a new place, and when
 * a table of nf_tables has changed. If the request wants a firewall to accept the guest, the maker
 * adds rules to each chain that the verdict names, and the question is repeated, since another
 * chain may drop what the first one accepts.
 */

/* Debounce: a firewall that is started again makes many changes. */
#define ASK_DEBOUNCE_MS 1000

/* Least time between two questions for one VM because of changes. */
#define ASK_INTERVAL_MS 5000

/* Least time between two questions of clients. */
#define ASK_CLIENT_MS 20

/**
 * ask_begin() - have the worker ask for a VM, whose place is published, unless it was asked for
 * there already.
 *
 * Return: true if the VM must wait for ask_answered(), false if it need not.
 */
bool ask_begin(struct state *state, struct host *host, struct vm *vm);

/**
 * ask_answered() - use the worker's answer.
 * @vm: must be in VM_SAMPLING.
 * @message: WORKER_ASKED, of this VM's job.
 *
 * Return: true if the verdict is complete, false if the worker asks again.
 */
bool ask_answered(struct state *state, struct vm *vm, const struct worker_message *message);

/* ask_event() - read changes of nf_tables, and note the VMs for which to ask anew. */
void ask_event(struct state *state);

/* ask_due() - time of the next question, ms of CLOCK_MONOTONIC, or UINT64_MAX. */
uint64_t ask_due(const struct state *state);

/* ask_step() - begin the question for one VM for which it is due; answer clients that need none. */
void ask_step(struct state *state, uint64_t now);

/**
 * ask_bridges() - true if a new VM, whose request leaves the path open, needs the bridged one: the
 * kernel does not forward all of its packets.
 */
bool ask_bridges(const struct vm *vm);

/**
 * ask_client() - have the kernel asked for a client. The connection of one that has a routed VM on
 * the uplink gets that VM's next verdict.
 * @question: with the client's own user.
 * @socket: owned by the state afterwards, and -1, if there is such a VM.
 *
 * Return: 0; or -EBUSY within ASK_CLIENT_MS of another question, or before its answer.
 */
int ask_client(struct state *state, const struct attach_record *question, int *socket,
	       struct error *err);

/* ask_undo() - remove the VM's rules from firewalls; 0 or a negative errno. */
int ask_undo(struct host *host, struct vm *vm, struct error *err);

#endif
