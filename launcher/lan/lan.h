// SPDX-License-Identifier: GPL-2.0-or-later
// The VM's membership of the LAN as the launcher keeps it: the helper, its spare, what they tell.
#ifndef LAUNCHER_LAN_LAN_H
#define LAUNCHER_LAN_LAN_H

#include "launcher/common/loop.h"
#include "launcher/definition/definition.h"
#include "launcher/lan/dhcp_server.h"
#include "launcher/lan/helpers.h"
#include "launcher/qemu/qmp.h"
#include "netsetup/protocol/client.h"

/*
 * Theory of operation: one helper holds the VM's place on the LAN. When it dies, another takes the
 * place over, with the tap's descriptors that are kept here for it, while the guest runs on. Who
 * can start a helper at any time (root, or a user of an installed one) starts it then. Who
 * is about to drop sudo's rights cannot any more, so a spare is started before: a helper that was
 * asked nothing yet, and that has given up all rights but its two capabilities. It is asked for a
 * spare of its own when it takes over, and the helper for another should the spare be the one that
 * dies. So the place is lost only when both die at once.
 */

/**
 * struct member - a membership.
 * @definition: the VM.
 * @dry_run, @verbose: as the user asked.
 * @helper: holds the place; its socket is -1 when it was not started or has ended.
 * @spare: takes over; its socket is -1 when there is none.
 * @spare_watched: its socket is, in @loop.
 * @spare_since: when it was asked for, CLOCK_MONOTONIC seconds.
 * @spares_short: how many in a row have not lived for long.
 * @started_as_root: the helper and the spare were.
 * @can_start: another helper can be started at any time.
 * @helper_error: why there is no helper; code 0 when there is one.
 * @setup: the request.
 * @lan: the place, with the tap's descriptors.
 * @remembered: the addresses the VM had.
 * @dns, @dns_count: servers for the guest.
 * @dhcp: tells the guest its place, when it asks.
 * @address_changed: told when the VM's address is another; or NULL.
 * @context: passed to it.
 * @link_timer: when the guest's link is put back, or -1.
 * @loop: the run's event loop, set by member_watch(); outlives the membership.
 * @qmp: the way to QEMU, set by member_tell().
 */
struct member {
	const struct definition *definition;
	bool dry_run;
	bool verbose;
	struct netsetup helper;
	struct netsetup spare;
	bool spare_watched;
	time_t spare_since;
	unsigned int spares_short;
	bool started_as_root;
	bool can_start;
	struct error helper_error;
	struct setup_record setup;
	struct lan lan;
	struct in_addr remembered[REMEMBERED_MAX];
	struct in_addr dns[DNS_MAX];
	unsigned int dns_count;
	struct dhcp_server dhcp;
	void (*address_changed)(struct in_addr address, void *context);
	void *context;
	int link_timer;
	struct loop *loop;
	struct qmp *qmp;
};

/* member_init() - a membership that is not asked for yet. */
void member_init(struct member *member, bool dry_run, bool verbose);

/**
 * member_start() - take over the started helpers, after root's rights were dropped. A helper that
 * did not start matters only to member_ask(). A spare is ended if another can be started at any
 * time.
 * @member: an initialised one.
 * @helpers: HELPERS_NONE afterwards.
 */
void member_start(struct member *member, struct helpers *helpers);

/**
 * member_ask() - ask for the VM's place on the LAN; member_join() is to follow.
 * @member: a started one.
 * @definition: the VM; stays the caller's.
 * @queues: pairs of queues that the tap is to have.
 * @offload: the tap is to have vnet headers.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int member_ask(struct member *member, const struct definition *definition, unsigned int queues,
	       bool offload, struct error *err);

/**
 * member_join() - wait for the place that was asked for.
 * @member: one that has asked.
 * @err: the error, with the command that would be permitted.
 *
 * Return: 0 or a negative errno.
 */
int member_join(struct member *member, struct error *err);

/* member_leave() - no helper is needed: end them. */
void member_leave(struct member *member);

/**
 * member_watch() - watch the spare helper while the loop runs.
 * @member: a joined one.
 * @loop: must live until member_end().
 *
 * The caller watches the helper itself: its socket is @member->helper.socket.
 */
void member_watch(struct member *member, struct loop *loop);

/**
 * member_tell() - print the VM's place and store its address.
 * @member: a watching one.
 * @qmp: the way to QEMU, which answers; the guest's link is taken down and up by it. Must live as
 *       long as the loop runs.
 */
void member_tell(struct member *member, struct qmp *qmp);

/**
 * member_event() - read from the helper; start another one if it has ended.
 * @member: a watching one. Its helper's socket may be another afterwards.
 * @err: the place is lost.
 *
 * Return: 0 or a negative errno.
 */
int member_event(struct member *member, struct error *err);

/* member_end() - give the place back and wait until the host is as before. */
void member_end(struct member *member);

#endif
