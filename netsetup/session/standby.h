// SPDX-License-Identifier: GPL-2.0-or-later
// The helper that takes over when the one that has a VM's place dies, made by that one.
#ifndef NETSETUP_SESSION_STANDBY_H
#define NETSETUP_SESSION_STANDBY_H

#include <stdbool.h>

#include "netsetup/base/error.h"
#include "netsetup/protocol/protocol.h"

/*
 * Theory of operation: under sudo the launcher gives its rights up and cannot start another helper
 * when one dies. It has started two before; so one can die, and from then on they see to it
 * themselves: the one that takes a place over first forks a spare, and a helper that has a place forks
 * another when its spare has died. There are two again for as long as one of them lives.
 *
 * Safe, though the asker chooses when:
 *
 * - A spare has what its maker has after it was confined, and no more: the same user, two
 *   capabilities, Landlock rules and system calls, all of which fork() hands down and nobody can
 *   take off. It is a copy, not a program that is started: there is no file to exchange.
 * - It closes every descriptor that its maker came by since, above all the tap's, the packet sockets
 *   and the lease; none of them is used by two.
 * - It serves the VM that its maker was asked for, by name and uuid, and only as that VM's
 *   next helper or to sweep. So it gives a launcher nothing that it had not been given before.
 * - Who makes one has a place, which has one lease, or ends; and makes the next one only when the one
 *   before has ended. So there is no more than one for a place, as long as the launcher does what
 *   it should. One that was taken over, under sudo, can have a spare make another and then fail to
 *   adopt, again and again: it fails when the place is had already, but its spare is made before.
 *   Those do nothing but wait, and end with their sockets.
 * - Who is bound by a policy can start the helper himself whenever he likes, and gets none.
 */

/* More than there can be, see privilege.c. */
#define SPARE_DESCRIPTORS_MAX 256

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
 * struct spare - what is known of a helper's spare one.
 * @inherited: the descriptors that it may keep.
 * @pidfd: of the living one, or -1.
 */
struct spare {
	bool inherited[SPARE_DESCRIPTORS_MAX];
	int pidfd;
};

/* spare_init() - none yet; from now on what is opened is not for a spare. */
void spare_init(struct spare *spare);

/**
 * spare_socket_valid() - whether descriptors that came with a RECORD_SPARE are what it asks for.
 * @fds: as of record_receive().
 */
bool spare_socket_valid(const int fds[QUEUES_MAX]);

/**
 * spare_make() - make one, unless there still is one.
 * @spare: of this helper.
 * @socket: the spare's way to the launcher; stays the caller's.
 * @setup: the VM's.
 * @begin: where the spare goes on, with PROTOCOL_FD; it does not return.
 *
 * Without a spare the launcher finds the other end of @socket closed; that is all there is to say.
 */
void spare_make(struct spare *spare, int socket, const struct setup_record *setup,
		void (*begin)(const struct vm_identity *vm));

/* spare_done() - forget it; it ends by the end of its socket. */
void spare_done(struct spare *spare);

#endif
