// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps a VM on the LAN while the host's network changes.
#ifndef LAUNCHER_LAN_ROAM_H
#define LAUNCHER_LAN_ROAM_H

#include <stdint.h>

#include "launcher/common/loop.h"
#include "launcher/lan/address_history.h"
#include "launcher/lan/follow.h"
#include "launcher/lan/network_events.h"
#include "netsetup/protocol/netsetup.h"

/*
 * Theory of operation: after each event of the kernel that may concern the VM, roam looks for the
 * uplink and requests a move there, even to the same place: a move makes everything true again that
 * a program of the host has undone. One move is on its way at a time. What becomes due meanwhile
 * waits for its answer. Nothing polls, but for one look a minute for changes without an event.
 */

/**
 * struct roam - the VM's way from place to place. Times are ms of CLOCK_BOOTTIME; 0: none.
 * @netsetup: the connection, which outlives this.
 * @request: the parts of each request that do not change.
 * @history: the VM's last addresses.
 * @dns, @dns_count: the guest's servers, which are no addresses for VMs.
 * @place: the VM's place as it was last reported.
 * @changed: called when @place has changed, with the former one.
 * @context: passed to it.
 * @tap_ifindex: index of the VM's tap.
 * @events: the kernel's events, or NULL.
 * @timer: timerfd, or -1.
 * @loop: watches both; NULL before roam_watch().
 * @full: the next look leads to a move in any case; otherwise only another uplink does.
 * @look_at: time of the next look.
 * @looked_at: time of the last look.
 * @slow_at: time of the next look without an event.
 * @report_at: time to report that the VM is still off the LAN.
 * @answer_by: a move is on its way, whose answer is given up then.
 * @refused: the service that was connected to last has refused the VM's place.
 */
struct roam {
	struct follow follow;
	struct netsetup *netsetup;
	struct attach_record request;
	struct address_history history;
	struct in_addr dns[DNS_MAX];
	unsigned int dns_count;
	struct lan_place place;
	void (*changed)(const struct lan_place *old, void *context);
	void *context;
	unsigned int tap_ifindex;
	struct nl_sock *events;
	int timer;
	struct loop *loop;
	bool full;
	uint64_t look_at;
	uint64_t looked_at;
	uint64_t slow_at;
	uint64_t report_at;
	uint64_t answer_by;
	bool refused;
};

/* roam_init() - begin without an uplink. */
void roam_init(struct roam *roam, struct netsetup *netsetup);

/**
 * roam_choose() - choose the first uplink, and fill in the first request.
 * @roam: with @request and @dns.
 *
 * Return: 0 or a negative errno, as uplink_find() and follow_check().
 */
int roam_choose(struct roam *roam, const struct network *network, struct error *err);

/* roam_join() - note the answer to the first request. */
void roam_join(struct roam *roam, const struct ready_record *ready);

/**
 * roam_watch() - follow the host's network from now on.
 * @loop: must live until roam_end().
 */
int roam_watch(struct roam *roam, struct loop *loop, struct error *err);

/* roam_look() - look for the uplink soon, and move in any case. */
void roam_look(struct roam *roam);

/* roam_allow() - note that the guest can get another address, which it may need now. */
void roam_allow(struct roam *roam);

/* roam_ready(), roam_failed() - note the answer to a move. */
void roam_ready(struct roam *roam, const struct ready_record *ready);
void roam_failed(struct roam *roam, const struct error *error);

/* roam_access() - note the access point's treatment of the address, without a report. */
void roam_access(struct roam *roam, enum access_result access);

/* roam_renewed() - note a restart of the service: a move that it has not answered is sent again. */
void roam_renewed(struct roam *roam);

/* roam_conflict() - note that another host insists on the VM's address. */
void roam_conflict(struct roam *roam, const struct conflict_record *conflict);

/**
 * roam_reattach() - make a lost connection anew.
 * @listener: for the changes that the service reports.
 *
 * Return: 0 or a negative errno, after which the VM is lost to the LAN.
 */
int roam_reattach(struct roam *roam, const struct netsetup_listener *listener, struct error *err);

/* roam_end() - stop following; may be called twice. */
void roam_end(struct roam *roam);

#endif
