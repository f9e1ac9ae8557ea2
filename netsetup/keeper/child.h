// SPDX-License-Identifier: GPL-2.0-or-later
// Starts the processes that the service needs.
#ifndef NETSETUP_KEEPER_CHILD_H
#define NETSETUP_KEEPER_CHILD_H

#include "netsetup/base/error.h"

/* The descriptor on which a child finds its socket: WORKER_FD, MAKER_FD. */
#define CHILD_FD 3

/**
 * child_start() - start this program with an argument, before this process is confined. A child is
 * a new program, with an address layout of its own: what a taken over worker knows of its memory
 * says nothing of the service's.
 * @argument: "--worker" or "--maker".
 *
 * Return: the socket to it, SOCK_SEQPACKET, or a negative errno.
 */
int child_start(const char *argument, struct error *err);

#endif
