// SPDX-License-Identifier: GPL-2.0-or-later
// Starts vmrun-netsetup and requests an attachment to the LAN from it.
#ifndef NETSETUP_PROTOCOL_NETSETUP_H
#define NETSETUP_PROTOCOL_NETSETUP_H

#include <sys/types.h>

#include "netsetup/base/error.h"
#include "netsetup/protocol/protocol.h"

/**
 * struct netsetup - a running vmrun-netsetup.
 * @pid: a child of the caller.
 * @socket: close-on-exec; -1 once closed.
 * @owes: true if the helper may have changed the host and has not reported that all is undone.
 */
struct netsetup {
	pid_t pid;
	int socket;
	bool owes;
};

/**
 * struct netsetup_lan - the VM's attachment to the LAN.
 * @ready: the latest answer of netsetup.
 * @tap_fds: the tap's queues, close-on-exec; -1 where unused or handed over.
 */
struct netsetup_lan {
	struct ready_record ready;
	int tap_fds[QUEUES_MAX];
};

/**
 * struct netsetup_listener - functions for the records of the helper; each may be NULL.
 * @wait: called before each record of an answer is read, with the socket. A negative errno ends the
 *        wait for the answer; netsetup_end() then undoes the request.
 * @change: called for a change to the host, with the command that would make it.
 * @moved: called when the VM's attachment has changed.
 * @dhcp: called for a DHCP packet from the guest.
 */
struct netsetup_listener {
	int (*wait)(int socket, struct error *err);
	void (*change)(const char *command, void *context);
	void (*moved)(const struct ready_record *ready, void *context);
	void (*dhcp)(const struct dhcp_record *query, void *context);
	void *context;
};

/**
 * netsetup_start() - start the helper with the caller's present privileges.
 * @netsetup: the caller must call netsetup_end().
 *
 * Return: 0 or a negative errno.
 */
int netsetup_start(struct netsetup *netsetup, struct error *err);

/**
 * netsetup_ask() - request an attachment to the LAN. The caller must call netsetup_await() next; in
 * between it may do other work while the helper probes the address.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_ask(struct netsetup *netsetup, const struct setup_record *setup, struct error *err);

/**
 * netsetup_await() - wait for the answer to netsetup_ask().
 * @lan: the attachment; the caller must call netsetup_lan_done().
 * @err: the error that netsetup sent, if it refused.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_await(struct netsetup *netsetup, const struct netsetup_listener *listener,
		   struct netsetup_lan *lan, struct error *err);

/**
 * netsetup_adopt() - pass the attachment of a running VM to a new helper after the old one died.
 * @setup: the request that netsetup_ask() sent.
 * @lan: the attachment. The caller still owns the tap's descriptors; @lan->ready is updated.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_adopt(struct netsetup *netsetup, const struct setup_record *setup,
		   const struct netsetup_listener *listener, struct netsetup_lan *lan,
		   struct error *err);

/**
 * netsetup_clean() - let the helper remove stale state of helpers that died.
 * @netsetup: a started helper; accepts nothing but netsetup_end() afterwards.
 * @dry_run: only report the changes.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_clean(struct netsetup *netsetup, bool dry_run,
		   const struct netsetup_listener *listener, struct error *err);

/**
 * netsetup_listen() - receive one record of a helper that has a VM, and call the listener.
 * @netsetup: its socket must be readable.
 *
 * Return: 0, -ECONNRESET if the helper has ended, or another negative errno.
 */
int netsetup_listen(struct netsetup *netsetup, const struct netsetup_listener *listener,
		    struct error *err);

/**
 * netsetup_answer() - send a DHCP packet to the guest.
 * @netsetup: a helper whose setup_record has @dhcp.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_answer(struct netsetup *netsetup, const struct dhcp_record *answer, struct error *err);

/*
 * netsetup_reap() - close the socket of a helper that has ended or is not needed and wait for its
 * end, so that it holds no lease that another helper could take for a running VM's.
 */
void netsetup_reap(struct netsetup *netsetup);

/**
 * netsetup_end() - let the helper undo all its changes, and wait until it has and is reaped.
 * @netsetup: may be a helper that has ended or was never started (all zero with socket -1).
 *
 * Return: false if the helper died or could not undo everything; netsetup_clean() of another helper
 * then does it.
 */
bool netsetup_end(struct netsetup *netsetup, const struct netsetup_listener *listener);

/* netsetup_lan_done() - close the tap's descriptors that were not handed over. */
void netsetup_lan_done(struct netsetup_lan *lan);

#endif
