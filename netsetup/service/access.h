// SPDX-License-Identifier: GPL-2.0-or-later
// Has the worker find out if the access point passes the address of a VM.
#ifndef NETSETUP_SERVICE_ACCESS_H
#define NETSETUP_SERVICE_ACCESS_H

#include "netsetup/service/state.h"

/**
 * access_begin() - have the worker ask, before it announces the VM's address, if that is new here
 * and the router is known. Without an answer the VM runs all the same, and nothing is known.
 */
void access_begin(struct state *state, struct host *host, struct vm *vm);

/**
 * access_defend() - have the worker defend the VM's address.
 * @announce: true if the LAN does not know it yet. An address that this host is not asked for is
 *            announced every minute.
 *
 * Return: 0 or a negative errno.
 */
int access_defend(const struct state *state, const struct vm *vm, bool announce, struct error *err);

/**
 * access_answered() - note the worker's answer.
 * @message: WORKER_ACCESSED.
 *
 * Return: true if @vm->record.access is new.
 */
bool access_answered(struct state *state, struct vm *vm, const struct worker_message *message);

#endif
