// SPDX-License-Identifier: GPL-2.0-or-later
// Forks the standby helper, which takes over when the active helper dies.
#ifndef NETSETUP_SESSION_STANDBY_H
#define NETSETUP_SESSION_STANDBY_H

#include <stdbool.h>

#include "netsetup/base/error.h"
#include "netsetup/protocol/protocol.h"

/*
 * Theory of operation: under sudo the launcher gives up its rights and cannot start another helper
 * later. So it starts two at first, and one can die. From then on the helpers replace themselves: a
 * helper that takes over first forks a standby helper, and an active helper forks another one if
 * its standby has died. There are two again as long as one of them lives.
 *
 * Threat: a hostile client chooses the time of each fork. Safe, because:
 *
 * - A standby has the rights of its confined maker and no more: the same user, two
 *   capabilities, Landlock rules and system calls. fork() passes them on, and no process can remove
 *   them. It is a copy, and there is no program file to replace.
 * - It closes every descriptor that its maker opened later, above all those of the tap, the packet
 *   sockets and the lease. No two helpers use one of them.
 * - It serves only its maker's VM, by name and uuid, and only as that VM's next helper or to clean
 *   up. So a launcher gets nothing that it had not been given before.
 * - An active helper has one attachment, which has one lease, and forks the next standby only after
 *   the end of the last. So an attachment has one standby, if the launcher is well-behaved. A
 *   hostile one, under sudo, can let a standby fork another and then fail to adopt, again and
 *   again: the standby is forked before the adoption fails. Those only wait, and end with their
 *   sockets.
 * - A user with a policy gets none, and can start the helper at any time anyway.
 */

/* Larger than any inherited descriptor, see RLIMIT_NOFILE in capabilities.c. */
#define STANDBY_DESCRIPTORS_MAX 256

/**
 * struct vm_identity - one VM.
 * @name: NUL-terminated; empty: none.
 * @uuid: binary.
 */
struct vm_identity {
	char name[VM_NAME_SIZE];
	uint8_t uuid[16];
};

/**
 * struct standby - the state of a helper's standby helper.
 * @inherited: by descriptor: true if the standby may keep it.
 * @pidfd: of the living standby, or -1.
 */
struct standby {
	bool inherited[STANDBY_DESCRIPTORS_MAX];
	int pidfd;
};

/* standby_init() - start without a standby, which must not keep later descriptors. */
void standby_init(struct standby *standby);

/**
 * standby_socket_valid() - true if the descriptors of a RECORD_STANDBY are one socket for a
 * standby.
 * @fds: as of protocol_receive().
 */
bool standby_socket_valid(const int fds[QUEUES_MAX]);

/**
 * standby_make() - fork a standby helper, unless one lives.
 * @socket: the standby's socket to the launcher; stays the caller's.
 * @setup: the VM's request.
 * @begin: entry point of the standby, with PROTOCOL_FD; does not return.
 *
 * Without a new standby, the launcher gets no record, only end-of-file at the end of @socket.
 */
void standby_make(struct standby *standby, int socket, const struct setup_record *setup,
		  void (*begin)(const struct vm_identity *vm));

/* standby_done() - forget the standby, which ends with its socket. */
void standby_done(struct standby *standby);

#endif
