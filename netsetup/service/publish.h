// SPDX-License-Identifier: GPL-2.0-or-later
// Makes one VM's place on the host whole: tap, filter, route, proxy entry, sysctls.
#ifndef NETSETUP_SERVICE_PUBLISH_H
#define NETSETUP_SERVICE_PUBLISH_H

#include "netsetup/service/state.h"

/*
 * Theory of operation: a VM's place is a short list of facts about the host. publish() checks each
 * fact and makes it true if it is not, the first time and every time after the kernel or a program
 * has undone one. publish_undo() undoes all of them.
 */

/**
 * publish() - make all facts true for the VM's address on its verified uplink.
 * @vm: has an address and an uplink. Gets a tap if it has none.
 *
 * Return: 0 or a negative errno.
 */
int publish(struct state *state, struct host *host, struct vm *vm, struct error *err);

/**
 * publish_dhcp() - give the worker a packet socket on the VM's tap, and the VM the client's end of
 * a new DHCP socket.
 *
 * Return: 0 or a negative errno.
 */
int publish_dhcp(struct state *state, struct host *host, struct vm *vm, struct error *err);

/**
 * publish_withdraw() - take the VM off the LAN; its tap and its route stay.
 *
 * Return: 0 or a negative errno.
 */
int publish_withdraw(struct state *state, struct host *host, struct vm *vm, struct error *err);

/**
 * publish_undo() - remove all that the VM has on the host, and restore its uplink's values if no
 * other VM uses them.
 * @vm: is in the state's list.
 * @err: the first error; the rest is undone all the same.
 *
 * Return: 0 or a negative errno.
 */
int publish_undo(struct state *state, struct host *host, struct vm *vm, struct error *err);

/* publish_restore() - restore the values of uplinks that no VM uses; 0 or a negative errno. */
int publish_restore(struct state *state, struct host *host, struct error *err);

#endif
