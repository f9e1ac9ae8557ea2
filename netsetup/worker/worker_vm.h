// SPDX-License-Identifier: GPL-2.0-or-later
// Serves the sockets of one VM.
#ifndef NETSETUP_WORKER_WORKER_VM_H
#define NETSETUP_WORKER_WORKER_VM_H

#include <net/ethernet.h>
#include <stdbool.h>
#include <stdint.h>

#include "netsetup/base/error.h"
#include "netsetup/worker/access_probe.h"
#include "netsetup/worker/acd.h"
#include "netsetup/worker/dhcp_relay.h"
#include "netsetup/worker/probe.h"
#include "netsetup/worker/question.h"
#include "netsetup/worker/router.h"
#include "netsetup/worker/stranger.h"
#include "netsetup/worker/worker_message.h"

/**
 * struct worker_vm - all that the worker has of one VM.
 * @number: of the VM.
 * @service: socket to the service; stays the caller's.
 * @arp: for arp_socket_listen(), owned, or -1.
 * @deaf: true if @arp fails at each call and must not be polled; the next request tries it again.
 * @mac: hardware address of the uplink.
 * @own: hardware addresses whose packets are this host's own, then zero.
 * @guest: hardware address of the guest.
 * @filter: the address of the present filter, as arp_socket_listen() takes it.
 * @announce: true while the announcement of the address waits for @access.
 */
struct worker_vm {
	uint32_t number;
	int service;
	int arp;
	bool deaf;
	struct ether_addr mac;
	struct ether_addr own[OWN_MACS_MAX];
	struct ether_addr guest;
	struct in_addr filter;
	struct probe_batch batch;
	struct router router;
	struct acd acd;
	struct dhcp_relay relay;
	struct stranger stranger;
	struct question question;
	struct access_probe access;
	bool announce;
};

/* worker_vm_new() - make a VM without sockets; returns NULL without memory. */
struct worker_vm *worker_vm_new(uint32_t number, int service);

/* worker_vm_free() - close all sockets of a VM. */
void worker_vm_free(struct worker_vm *vm);

/**
 * worker_vm_act() - begin what a message of the service requests.
 * @message: its type is one for the worker, but not WORKER_FORGET.
 * @fds: the descriptors that WORKER_OPEN, WORKER_DHCP, WORKER_SOURCES, WORKER_ASK or
 *       WORKER_ACCESS has; they become the VM's.
 *
 * Return: 0, -EPROTO if the message has invalid fields or needs a socket that the VM lacks, or
 * another negative errno.
 */
int worker_vm_act(struct worker_vm *vm, const struct worker_message *message, const int fds[2],
		  struct error *err);

/* worker_vm_receive() - read some ARP packets, so that a flood leaves other VMs their turn. */
void worker_vm_receive(struct worker_vm *vm);

/* worker_vm_receive_source() - read a frame that the guest has sent from a foreign address. */
void worker_vm_receive_source(struct worker_vm *vm);

/* worker_vm_step() - do what is due, and send the service what has ended. */
void worker_vm_step(struct worker_vm *vm);

/* worker_vm_deadline() - return the time of the next step, ms of CLOCK_MONOTONIC, or UINT64_MAX. */
uint64_t worker_vm_deadline(const struct worker_vm *vm);

#endif
