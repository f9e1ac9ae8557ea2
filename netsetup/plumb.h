// SPDX-License-Identifier: GPL-2.0-or-later
// A VM's place on the LAN: everything on the host that makes it, done in order, undone in reverse.
#ifndef NETSETUP_PLUMB_H
#define NETSETUP_PLUMB_H

#include "netsetup/host.h"
#include "netsetup/lease.h"
#include "netsetup/protocol.h"
#include "netsetup/uplink.h"

/**
 * struct place - one VM's place on the LAN.
 * @host: the host.
 * @uplink: the uplink.
 * @lease: held since before the first change; its record has the address and the tap's name.
 * @tap_ifindex: 0 when there is no tap.
 * @tap_fds: one for each queue, the others -1; closed by place_undo().
 * @queues: how many.
 * @proxied: the proxy entry was added.
 */
struct place {
	struct host host;
	struct uplink uplink;
	struct lease lease;
	unsigned int tap_ifindex;
	int tap_fds[QUEUES_MAX];
	unsigned int queues;
	bool proxied;
};

/* place_init() - a place where nothing has been done yet; @host's socket stays the caller's. */
void place_init(struct place *place, const struct host *host);

/**
 * place_make() - find the uplink, allocate the address and plumb.
 * @place: an initialised place.
 * @setup: the request, setup_check()ed.
 * @err: the error; what was done until then is undone by place_undo().
 *
 * Return: 0 or a negative errno.
 */
int place_make(struct place *place, const struct setup_record *setup, struct error *err);

/**
 * place_undo() - make the host as it was; legal after any failure, and twice.
 * @place: the place.
 * @err: the first error; everything else is undone all the same.
 *
 * Return: 0 or a negative errno.
 */
int place_undo(struct place *place, struct error *err);

#endif
