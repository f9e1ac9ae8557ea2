// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps the launcher's session with vmrun-netsetup for one VM.
#ifndef LAUNCHER_LAN_LAN_H
#define LAUNCHER_LAN_LAN_H

#include "launcher/common/loop.h"
#include "launcher/definition/definition.h"
#include "launcher/lan/dhcp_server.h"
#include "launcher/lan/helpers.h"
#include "launcher/qemu/qmp.h"
#include "netsetup/protocol/netsetup.h"

/*
 * Theory of operation: one helper holds the VM's attachment to the LAN. If it dies, another helper
 * takes the attachment over while the guest keeps running; the session keeps the tap's descriptors
 * for it. Root, or a user of an installed helper, can start the other one at that time. A vmrun
 * that drops sudo's rights cannot, so it starts a standby before: a helper that has received no
 * request and has dropped all rights but its two capabilities. After it has taken over there is no
 * other: the next death ends the attachment, and with it the VM.
 */

/**
 * struct lan_session - a session.
 * @dry_run, @verbose: the user's options.
 * @helper: holds the attachment; its socket is -1 if it was not started or has ended.
 * @standby: takes over; its socket is -1 if there is none.
 * @started_as_root: the helper and the standby were started by root.
 * @can_start: another helper can be started at any time.
 * @helper_error: the failure of the helper's start; code 0 if it started.
 * @setup: the request.
 * @lan: the attachment, with the tap's descriptors.
 * @remembered: the VM's last addresses.
 * @dns, @dns_count: DNS servers for the guest.
 * @address_changed: called with the VM's new address; may be NULL.
 * @context: passed to it.
 * @link_timer: timerfd that takes the guest's link up again, or -1.
 * @loop: the run's event loop, set by lan_watch(); outlives the session.
 * @qmp: QEMU's QMP, set by lan_report().
 */
struct lan_session {
	const struct definition *definition;
	bool dry_run;
	bool verbose;
	struct netsetup helper;
	struct netsetup standby;
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

/* lan_init() - initialise a session without a helper. */
void lan_init(struct lan_session *lan_session, bool dry_run, bool verbose);

/**
 * lan_start() - take over the started helpers, after root's rights were dropped. lan_ask() returns
 * the error of a helper that did not start. The standby is ended if another helper can be started
 * at any time.
 * @helpers: HELPERS_NONE afterwards.
 */
void lan_start(struct lan_session *lan_session, struct helpers *helpers);

/**
 * lan_ask() - request the VM's attachment to the LAN; lan_join() must follow.
 * @lan_session: a started one.
 * @definition: the VM; stays the caller's.
 * @queues: the tap's pairs of queues.
 * @offload: true if the tap must have vnet headers.
 *
 * Return: 0 or a negative errno.
 */
int lan_ask(struct lan_session *lan_session, const struct definition *definition,
	    unsigned int queues, bool offload, struct error *err);

/**
 * lan_join() - wait for the requested attachment.
 * @err: without permission, the remedy names the command to run.
 *
 * Return: 0 or a negative errno.
 */
int lan_join(struct lan_session *lan_session, struct error *err);

/* lan_leave() - end the helpers of a VM that needs none. */
void lan_leave(struct lan_session *lan_session);

/**
 * lan_watch() - let the session use the loop, for its timer.
 * @lan_session: a joined one.
 * @loop: must live until lan_end().
 *
 * The caller watches the helper itself: its socket is @lan_session->helper.socket.
 */
void lan_watch(struct lan_session *lan_session, struct loop *loop);

/**
 * lan_report() - print the VM's attachment and store its address.
 * @lan_session: a watching one.
 * @qmp: ready; takes the guest's link down and up. Must live as long as the loop runs.
 */
void lan_report(struct lan_session *lan_session, struct qmp *qmp);

/**
 * lan_event() - read from the helper; start another one if it has ended.
 * @lan_session: a watching one. Its helper's socket may have changed afterwards.
 *
 * Return: 0, or a negative errno if the attachment is lost.
 */
int lan_event(struct lan_session *lan_session, struct error *err);

/* lan_end() - release the attachment and wait until the helper has restored the host. */
void lan_end(struct lan_session *lan_session);

#endif
