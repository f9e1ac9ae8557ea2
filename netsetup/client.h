// SPDX-License-Identifier: GPL-2.0-or-later
// The launcher's side of the protocol: start vmrun-netsetup, ask it for a place on the LAN.
#ifndef NETSETUP_CLIENT_H
#define NETSETUP_CLIENT_H

#include <sys/types.h>

#include "netsetup/error.h"
#include "netsetup/protocol.h"

/**
 * struct netsetup - a running vmrun-netsetup.
 * @pid: its process id, a child of the caller.
 * @socket: to it, non-inheritable; -1 once released.
 * @asked: for a place on the LAN.
 */
struct netsetup {
	pid_t pid;
	int socket;
	bool asked;
};

/**
 * struct lan - the VM's place on the LAN.
 * @ready: what netsetup told.
 * @tap_fds: the tap's queues, close-on-exec; -1 when handed over.
 */
struct lan {
	struct ready_record ready;
	int tap_fds[QUEUES_MAX];
};

/* Told each change to the host as the command that a person would have typed. */
typedef void netsetup_change_fn(const char *command, void *context);

/**
 * netsetup_start() - start the helper with the rights that the caller has now.
 * @netsetup: the helper; end it with netsetup_end().
 * @err: names the path when it is missing.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_start(struct netsetup *netsetup, struct error *err);

/**
 * netsetup_setup() - ask for a place on the LAN and wait for the answer.
 * @netsetup: a started helper.
 * @setup: the request.
 * @change: called for each change, or NULL.
 * @context: passed to @change.
 * @lan: the place.
 * @err: netsetup's own error when it refused.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_setup(struct netsetup *netsetup, const struct setup_record *setup,
		   netsetup_change_fn *change, void *context, struct lan *lan, struct error *err);

/**
 * netsetup_end() - let the helper undo everything and wait until it has.
 * @netsetup: the helper; legal when it was never started (all zero with socket -1) or has ended.
 * @change: called for each change that is undone, or NULL.
 * @context: passed to @change.
 */
void netsetup_end(struct netsetup *netsetup, netsetup_change_fn *change, void *context);

/* lan_done() - close the tap's descriptors that were not handed over. */
void lan_done(struct lan *lan);

#endif
