// SPDX-License-Identifier: GPL-2.0-or-later
// Serves the bound sockets of all VMs, without any capability.
#ifndef NETSETUP_WORKER_WORKER_H
#define NETSETUP_WORKER_WORKER_H

#include "netsetup/base/error.h"

/* The descriptor on which the worker finds its socket to the service. */
#define WORKER_FD 3

/**
 * worker_confine() - give up all capabilities, all files, and all system calls but those of
 * worker_run(). The caller has closed all other descriptors and blocked all signals.
 *
 * Threat: who takes over the worker by a packet or a record can send and receive on the interfaces
 * of the VMs, and nothing else; see packet_socket_open(). The service checks what it answers. A
 * packet socket also sends what is no ARP.
 *
 * Return: 0, or a negative errno, after which the process must end.
 */
int worker_confine(struct error *err);

/**
 * worker_run() - serve the service's messages until its end-of-file.
 * @socket: to the service; see worker_message.h.
 *
 * The caller has called worker_confine(). RLIMIT_NOFILE must allow 7 descriptors for each VM.
 *
 * Return: 0 at end-of-file, or a negative errno, after which the process must end.
 */
int worker_run(int socket, struct error *err);

#endif
