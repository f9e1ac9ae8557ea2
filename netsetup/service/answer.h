// SPDX-License-Identifier: GPL-2.0-or-later
// Sends the service's records to a client, without waiting.
#ifndef NETSETUP_SERVICE_ANSWER_H
#define NETSETUP_SERVICE_ANSWER_H

#include "netsetup/service/vm.h"

/*
 * A client that does not read loses records. It can harm nobody but itself: the service never waits
 * for a client.
 */

/* answer_change() - report a change; @context is the client's socket, an int. */
void answer_change(const char *command, void *context);

/*
 * answer_failed() - send RECORD_FAILED, with @other, a connection to another service, unless it is
 * -1.
 */
void answer_failed(int client, const struct error *error, int other);

/* answer_header() - send a record that is its header only, with @fd unless it is -1. */
void answer_header(int client, enum record_type type, int fd);

/* answer_conflict() - send RECORD_CONFLICT or RECORD_STRANGER. */
void answer_conflict(int client, enum record_type type, struct in_addr address,
		     const struct ether_addr *mac);

/* answer_verdict() - send RECORD_VERDICT. */
void answer_verdict(int client, const struct verdict *verdict);

/* answer_access() - send RECORD_ACCESS. */
void answer_access(int client, enum access_result access);

/**
 * answer_ready() - send RECORD_READY, with the descriptors that the client does not have yet, and
 * close these.
 *
 * Return: 0 or a negative errno.
 */
int answer_ready(struct vm *vm, struct error *err);

#endif
