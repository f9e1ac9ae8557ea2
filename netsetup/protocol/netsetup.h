// SPDX-License-Identifier: GPL-2.0-or-later
// The launcher's side of the protocol: start vmrun-netsetup, ask it for a place on the LAN.
#ifndef NETSETUP_PROTOCOL_NETSETUP_H
#define NETSETUP_PROTOCOL_NETSETUP_H

#include <sys/types.h>

#include "netsetup/base/error.h"
#include "netsetup/protocol/protocol.h"

/**
 * struct netsetup - a running vmrun-netsetup.
 * @pid: its process id, a child of the caller; 0 for a spare that has not said it yet.
 * @socket: to it, non-inheritable; -1 once released.
 * @asked: for a place on the LAN.
 * @owes: it may have changed the host, and has not said that it is as before.
 */
struct netsetup {
	pid_t pid;
	int socket;
	bool asked;
	bool owes;
};

/**
 * struct netsetup_lan - the VM's place on the LAN.
 * @ready: what netsetup told.
 * @tap_fds: the tap's queues, close-on-exec; -1 when handed over.
 */
struct netsetup_lan {
	struct ready_record ready;
	int tap_fds[QUEUES_MAX];
};

/**
 * struct netsetup_listener - what the helper tells; every function may be NULL.
 * @change: a change to the host, as the command that a person would have typed.
 * @moved: the VM's place has changed.
 * @dhcp: a DHCP packet from the guest.
 * @context: passed to each.
 */
struct netsetup_listener {
	void (*change)(const char *command, void *context);
	void (*moved)(const struct ready_record *ready, void *context);
	void (*dhcp)(const struct dhcp_record *query, void *context);
	void *context;
};

/**
 * netsetup_start() - start the helper with the rights that the caller has now.
 * @netsetup: the helper; end it with netsetup_end().
 * @err: names the path when it is missing.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_start(struct netsetup *netsetup, struct error *err);

/**
 * netsetup_standby() - ask a helper for a spare one, for when this process can start none any more:
 * before netsetup_ask() or netsetup_adopt(), or while it has a VM.
 * @netsetup: a started helper.
 * @standby: end it with netsetup_end(); its socket is at its end if there is none after all. It is for
 *         netsetup_adopt() of this VM and netsetup_clean() only.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_standby(const struct netsetup *netsetup, struct netsetup *standby, struct error *err);

/**
 * netsetup_standby_listen() - receive what a spare helper says.
 * @standby: its socket is readable.
 *
 * Return: whether it is there; false when it has ended.
 */
bool netsetup_standby_listen(struct netsetup *standby);

/**
 * netsetup_ask() - ask for a place on the LAN; netsetup_await() is to follow, and what is done
 * between the two is done while the address is being proven free.
 * @netsetup: a started helper.
 * @setup: the request.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_ask(struct netsetup *netsetup, const struct setup_record *setup, struct error *err);

/**
 * netsetup_await() - wait for the answer to netsetup_ask().
 * @netsetup: a helper that was asked.
 * @listener: told the changes.
 * @lan: the place.
 * @err: netsetup's own error when it refused.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_await(struct netsetup *netsetup, const struct netsetup_listener *listener,
		   struct netsetup_lan *lan, struct error *err);

/**
 * netsetup_adopt() - hand the place of a running VM to another helper, since the one before died.
 * @netsetup: a started helper.
 * @setup: the request as it was for netsetup_ask().
 * @listener: told the changes.
 * @lan: the place, with the tap's descriptors; they stay the caller's. What has changed meanwhile is
 *       told in @lan->ready.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_adopt(struct netsetup *netsetup, const struct setup_record *setup,
		   const struct netsetup_listener *listener, struct netsetup_lan *lan,
		   struct error *err);

/**
 * netsetup_clean() - ask the helper to sweep what helpers that died have left.
 * @netsetup: a started helper, of no further use after it but to be ended.
 * @dry_run: nothing is swept.
 * @listener: told each change.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_clean(struct netsetup *netsetup, bool dry_run,
		   const struct netsetup_listener *listener, struct error *err);

/**
 * netsetup_listen() - receive one record of a helper that has a VM, and tell the listener.
 * @netsetup: its socket is readable.
 * @listener: told it.
 * @err: the error.
 *
 * Return: 0, -ECONNRESET when the helper has ended, or another negative errno.
 */
int netsetup_listen(struct netsetup *netsetup, const struct netsetup_listener *listener,
		    struct error *err);

/**
 * netsetup_answer() - send the guest a DHCP packet.
 * @netsetup: a helper that has a VM, asked for with @dhcp.
 * @answer: the packet.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_answer(struct netsetup *netsetup, const struct dhcp_record *answer, struct error *err);

/*
 * netsetup_reap() - forget a helper that has ended, or is not needed, once nothing of it is left that
 * another one could take for a VM's.
 */
void netsetup_reap(struct netsetup *netsetup);

/**
 * netsetup_end() - let the helper undo everything and wait until it has.
 * @netsetup: the helper; legal when it was never started (all zero with socket -1) or has ended.
 * @listener: told the changes that are undone.
 *
 * Return: whether the host is as before; false when the helper died, or could not undo everything:
 * then another one's netsetup_clean() does it.
 */
bool netsetup_end(struct netsetup *netsetup, const struct netsetup_listener *listener);

/* netsetup_lan_done() - close the tap's descriptors that were not handed over. */
void netsetup_lan_done(struct netsetup_lan *lan);

#endif
