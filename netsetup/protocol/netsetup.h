// SPDX-License-Identifier: GPL-2.0-or-later
// Connects to vmrun-netsetup, or starts it, and requests attachments to the LAN from it.
#ifndef NETSETUP_PROTOCOL_NETSETUP_H
#define NETSETUP_PROTOCOL_NETSETUP_H

#include <sys/types.h>

#include "netsetup/base/error.h"
#include "netsetup/protocol/protocol.h"

/* The group whose members may connect to the installed service. */
#define NETSETUP_GROUP "vmrun"

/**
 * struct netsetup - a connection to a vmrun-netsetup.
 * @pid: the caller's child that serves it, or 0.
 * @socket: close-on-exec; -1 once closed.
 * @dry_run: a child may serve it even without root's rights.
 * @owes: true if the service may have changed the host and has not reported that all is undone.
 */
struct netsetup {
	pid_t pid;
	int socket;
	bool dry_run;
	bool owes;
};

#define NETSETUP_NONE        \
	{                    \
		.socket = -1 \
	}

/**
 * struct netsetup_lan - the VM's attachment to the LAN.
 * @ready: the answer to the request.
 * @tap_fds: the tap's queues, close-on-exec; -1 where unused or handed over.
 * @dhcp: the DHCP socket, close-on-exec, or -1.
 */
struct netsetup_lan {
	struct ready_record ready;
	int tap_fds[QUEUES_MAX];
	int dhcp;
};

#define NETSETUP_LAN_NONE                                                 \
	{                                                                 \
		.tap_fds = { -1, -1, -1, -1, -1, -1, -1, -1 }, .dhcp = -1 \
	}

/**
 * struct netsetup_listener - functions for the records of the service; each may be NULL.
 * @wait: called before each record of an answer is read, with the socket. A negative errno ends the
 *        wait for the answer; netsetup_end() then undoes the request.
 * @change: called for a change to the host, with the command that would make it.
 * @ready, @failed: called for the answer to netsetup_move().
 * @conflict: called when another host insists on the VM's address.
 * @stranger: called when the guest sends from another address than its own.
 * @access: called when the access point's treatment of the VM's address is known.
 * @verdict: called when the kernel was asked which packets it forwards.
 * @counts: called for each card of netsetup_request() with RECORD_COUNT.
 * @renewed: called when the service was started again, with a new DHCP socket, which the function
 *           then owns, or -1.
 */
struct netsetup_listener {
	int (*wait)(int socket, struct error *err);
	void (*change)(const char *command, void *context);
	void (*ready)(const struct ready_record *ready, void *context);
	void (*failed)(const struct error *error, void *context);
	void (*conflict)(const struct conflict_record *conflict, void *context);
	void (*stranger)(const struct conflict_record *stranger, void *context);
	void (*verdict)(const struct verdict *verdict, void *context);
	void (*access)(enum access_result access, void *context);
	void (*counts)(const struct counts_record *counts, void *context);
	void (*renewed)(int dhcp, void *context);
	void *context;
};

/**
 * netsetup_open() - connect to the service of this network namespace. If there is none, start
 * vmrun-netsetup as a child with the caller's present privileges.
 * @netsetup: NETSETUP_NONE, or closed; the caller must call netsetup_end().
 * @dry_run: all requests will be dry runs, which need no root's rights.
 *
 * Return: 0; -EACCES if the user may not connect; -ENOENT if no service runs and the caller is not
 * root; or another negative errno.
 */
int netsetup_open(struct netsetup *netsetup, bool dry_run, struct error *err);

/**
 * netsetup_open_further() - open a connection for a further card of the VM.
 * @netsetup: an open one, which has made no request yet.
 * @as_root: root opened @netsetup, and the caller may have dropped root's rights since.
 * @further: NETSETUP_NONE; the caller must call netsetup_end() for it before that of @netsetup.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_open_further(struct netsetup *netsetup, bool as_root,
			  const struct netsetup_listener *listener, struct netsetup *further,
			  struct error *err);

/**
 * netsetup_ask() - request an attachment to the LAN, on a new connection if the service has closed
 * this one meanwhile. The caller must call netsetup_await() next; in between it may do other work
 * while the service probes the address.
 * @attach: type RECORD_ATTACH.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_ask(struct netsetup *netsetup, const struct attach_record *attach, struct error *err);

/**
 * netsetup_await() - wait for the answer to netsetup_ask(). If this service refers the caller to
 * another one, ask that.
 * @attach: the request.
 * @lan: NETSETUP_LAN_NONE; the caller must call netsetup_lan_done().
 * @err: the error that the service sent, if it refused.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_await(struct netsetup *netsetup, const struct attach_record *attach,
		   const struct netsetup_listener *listener, struct netsetup_lan *lan,
		   struct error *err);

/**
 * netsetup_move() - request to make everything true again, on the same or another uplink. The
 * answer comes by netsetup_listen().
 * @move: as the last request, with the new uplink and address; its type is set.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_move(const struct netsetup *netsetup, const struct attach_record *move,
		  struct error *err);

/**
 * netsetup_withdraw() - make the VM unreachable through its uplink until the next move. It has no
 * answer.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_withdraw(const struct netsetup *netsetup, struct error *err);

/**
 * netsetup_reconnect() - attach a running VM again after its connection was lost.
 * @netsetup: its sockets are closed and replaced.
 * @attach: the request, with the tap's index.
 * @lan: NETSETUP_LAN_NONE; gets no queues.
 * @err: if the socket of @netsetup is open after a failure, the service keeps the VM, and refused
 *       this place only.
 *
 * Return: 0 or a negative errno, after one second at most if no service answers.
 */
int netsetup_reconnect(struct netsetup *netsetup, const struct attach_record *attach,
		       const struct netsetup_listener *listener, struct netsetup_lan *lan,
		       struct error *err);

/**
 * netsetup_request() - send a request that RECORD_DONE ends, and wait for that. The listener gets
 * what comes before.
 * @netsetup: an open one; accepts nothing but netsetup_end() afterwards.
 * @request: RECORD_CLEAN, RECORD_COUNT, or RECORD_ATTACH for a question.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_request(struct netsetup *netsetup, const void *request,
		     const struct netsetup_listener *listener, struct error *err);

/**
 * netsetup_clean() - let the service remove what dead services have left.
 * @netsetup: an open one; accepts nothing but netsetup_end() afterwards.
 * @dry_run: only report the changes.
 *
 * Return: 0 or a negative errno.
 */
int netsetup_clean(struct netsetup *netsetup, bool dry_run,
		   const struct netsetup_listener *listener, struct error *err);

/**
 * netsetup_listen() - receive one record of a service that has a VM, and call the listener.
 * @netsetup: its socket must be readable.
 *
 * Return: 0, -ECONNRESET if the connection is lost, or another negative errno.
 */
int netsetup_listen(struct netsetup *netsetup, const struct netsetup_listener *listener,
		    struct error *err);

/**
 * netsetup_end() - let the service undo all its changes, and wait until it has. If it did not say
 * so, or this is a service's process, reap the child if it serves nobody else.
 * @netsetup: may be closed.
 *
 * Return: false if the connection was lost or not everything was undone; netsetup_clean() then does
 * it.
 */
bool netsetup_end(struct netsetup *netsetup, const struct netsetup_listener *listener);

/* netsetup_lan_done() - close the descriptors that were not handed over. */
void netsetup_lan_done(struct netsetup_lan *lan);

#endif
