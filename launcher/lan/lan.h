// SPDX-License-Identifier: GPL-2.0-or-later
// The VM's membership of the LAN as the launcher keeps it: the helper, its spare, what they tell.
#ifndef LAUNCHER_LAN_LAN_H
#define LAUNCHER_LAN_LAN_H

#include "launcher/common/loop.h"
#include "launcher/definition/definition.h"
#include "launcher/lan/dhcp_server.h"
#include "launcher/lan/helpers.h"
#include "launcher/qemu/qmp.h"
#include "netsetup/protocol/netsetup.h"

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
 * struct lan_session - a membership.
 * @definition: the VM.
 * @dry_run, @verbose: as the user asked.
 * @helper: holds the place; its socket is -1 when it was not started or has ended.
 * @standby: takes over; its socket is -1 when there is none.
 * @standby_watched: its socket is, in @loop.
 * @standby_since: when it was asked for, CLOCK_MONOTONIC seconds.
 * @standbys_short: how many in a row have not lived for long.
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
 * @loop: the run's event loop, set by lan_watch(); outlives the membership.
 * @qmp: the way to QEMU, set by lan_report().
 */
struct lan_session {
	const struct definition *definition;
	bool dry_run;
	bool verbose;
	struct netsetup helper;
	struct netsetup standby;
	bool standby_watched;
	time_t standby_since;
	unsigned int standbys_short;
	bool started_as_root;
	bool can_start;
	struct error helper_error;
	struct setup_record setup;
	struct netsetup_lan lan;
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

/* lan_init() - a membership that is not asked for yet. */
void lan_init(struct lan_session *lan_session, bool dry_run, bool verbose);

/**
 * lan_start() - take over the started helpers, after root's rights were dropped. A helper that
 * did not start matters only to lan_ask(). A spare is ended if another can be started at any
 * time.
 * @lan_session: an initialised one.
 * @helpers: HELPERS_NONE afterwards.
 */
void lan_start(struct lan_session *lan_session, struct helpers *helpers);

/**
 * lan_ask() - ask for the VM's place on the LAN; lan_join() is to follow.
 * @lan_session: a started one.
 * @definition: the VM; stays the caller's.
 * @queues: pairs of queues that the tap is to have.
 * @offload: the tap is to have vnet headers.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int lan_ask(struct lan_session *lan_session, const struct definition *definition,
	    unsigned int queues, bool offload, struct error *err);

/**
 * lan_join() - wait for the place that was asked for.
 * @lan_session: one that has asked.
 * @err: the error, with the command that would be permitted.
 *
 * Return: 0 or a negative errno.
 */
int lan_join(struct lan_session *lan_session, struct error *err);

/* lan_leave() - no helper is needed: end them. */
void lan_leave(struct lan_session *lan_session);

/**
 * lan_watch() - watch the spare helper while the loop runs.
 * @lan_session: a joined one.
 * @loop: must live until lan_end().
 *
 * The caller watches the helper itself: its socket is @lan_session->helper.socket.
 */
void lan_watch(struct lan_session *lan_session, struct loop *loop);

/**
 * lan_report() - print the VM's place and store its address.
 * @lan_session: a watching one.
 * @qmp: the way to QEMU, which answers; the guest's link is taken down and up by it. Must live as
 *       long as the loop runs.
 */
void lan_report(struct lan_session *lan_session, struct qmp *qmp);

/**
 * lan_event() - read from the helper; start another one if it has ended.
 * @lan_session: a watching one. Its helper's socket may be another afterwards.
 * @err: the place is lost.
 *
 * Return: 0 or a negative errno.
 */
int lan_event(struct lan_session *lan_session, struct error *err);

/* lan_end() - give the place back and wait until the host is as before. */
void lan_end(struct lan_session *lan_session);

#endif
