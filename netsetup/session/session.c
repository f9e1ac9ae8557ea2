// SPDX-License-Identifier: GPL-2.0-or-later
// One VM's conversation with its launcher, from the request to the undoing.
#include "netsetup/session/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/confine/capabilities.h"
#include "netsetup/confine/close_timeout.h"
#include "netsetup/kernel/netlink_events.h"
#include "netsetup/lease/lease_stale.h"
#include "netsetup/protocol/protocol.h"
#include "netsetup/session/acd.h"
#include "netsetup/session/attachment.h"
#include "netsetup/session/dhcp_relay.h"
#include "netsetup/session/roam.h"
#include "netsetup/session/standby.h"

/* RFC 5227 section 1.1, ANNOUNCE_INTERVAL: between the first and the second announcement. */
#define ANNOUNCE_INTERVAL_MS 2000

/* Events come in bursts: so long after the first one the host is looked at. */
#define SETTLE_MS 5

/* Packets of the guest's that are passed on in one turn. */
#define RELAY_MAX 16

/* For what no event tells, such as a proxy entry that somebody deleted. */
#define SLOW_CHECK_MS 60000

/* After a failure that may pass by itself. */
#define RETRY_MS 1000

/* An address that is exchanged for another one is away for a moment; that is no news. */
#define AWAY_MS 500

/* A rival that has been silent for so long has given up. */
#define CALM_MS 30000

/**
 * struct session - a VM that is on the LAN.
 * @socket: to the launcher.
 * @limits: within which it is served.
 * @standby: of this helper.
 * @attachment: the VM's place.
 * @acd: of its address.
 * @events: the kernel's.
 * @dhcp: packet socket on the tap, or -1.
 * @announce_at: when the second announcement is due, ms of CLOCK_BOOTTIME; 0: not.
 * @look_at: when the host is looked at again.
 * @told: what the launcher was told last.
 * @tell_at: when it is told that the VM is off the LAN, if it still is then; 0: not.
 */
struct session {
	int socket;
	const struct session_limits *limits;
	struct standby standby;
	struct attachment attachment;
	struct acd acd;
	struct nl_sock *events;
	int dhcp;
	uint64_t announce_at;
	uint64_t look_at;
	struct ready_record told;
	uint64_t tell_at;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A launcher that does not read loses these; it cannot hold us up. */
static void send_change(const char *command, void *context)
{
	const struct session *session = context;
	struct change_record change;
	struct error ignored;

	protocol_record_init(&change, RECORD_CHANGE);
	snprintf(change.text, sizeof(change.text), "%s", command);
	protocol_send(session->socket, &change, NULL, 0, &ignored);
}

static void send_failure(int socket, const struct error *error)
{
	struct failed_record failed;
	struct error ignored;

	protocol_record_init(&failed, RECORD_FAILED);
	failed.code = error->code;
	failed.status = (int32_t)error->status;
	memcpy(failed.message, error->message, sizeof(failed.message));
	memcpy(failed.remedy, error->remedy, sizeof(failed.remedy));
	protocol_send(socket, &failed, NULL, 0, &ignored);
}

static struct in_addr guest_gateway(const struct attachment *attachment)
{
	switch ((enum gateway_mode)attachment->setup.gateway_mode) {
	case GATEWAY_ROUTER:
		return attachment->uplink.router;
	case GATEWAY_HOST:
		return attachment->uplink.prefix.address;
	case GATEWAY_ADDRESS:
		return attachment->setup.gateway;
	}
	return attachment->uplink.router;
}

/* The place as a record of type RECORD_READY or RECORD_MOVED. */
static void describe(const struct attachment *attachment, enum record_type type,
		     struct ready_record *ready)
{
	const struct uplink *uplink = &attachment->uplink;

	protocol_record_init(ready, type);
	memcpy(ready->uplink, uplink->ifname, sizeof(ready->uplink));
	memcpy(ready->ssid, uplink->ssid, sizeof(ready->ssid));
	memcpy(ready->tap, attachment->lease.record.tap, sizeof(ready->tap));
	ready->address = attachment_address(attachment);
	ready->prefix_length = uplink->prefix.length;
	ready->router = uplink->router;
	ready->gateway = guest_gateway(attachment);
	ready->host = uplink->prefix.address;
	ready->mtu = uplink->mtu;
	ready->wireless = uplink->wireless;
	ready->state = attachment->state;
	memcpy(ready->reason, attachment->reason, sizeof(ready->reason));
}

static int send_ready(struct session *session, bool with_taps, struct error *err)
{
	struct ready_record ready;

	describe(&session->attachment, RECORD_READY, &ready);
	describe(&session->attachment, RECORD_MOVED, &session->told);
	ready.queues = with_taps ? session->attachment.queues : 0;
	return protocol_send(session->socket, &ready, session->attachment.tap_fds, ready.queues,
			     err);
}

static bool same_attachment(const struct ready_record *a, const struct ready_record *b)
{
	return !strcmp(a->uplink, b->uplink) && !strcmp(a->ssid, b->ssid) &&
	       ipv4_equal(a->address, b->address) && a->prefix_length == b->prefix_length &&
	       ipv4_equal(a->router, b->router) && ipv4_equal(a->gateway, b->gateway) &&
	       ipv4_equal(a->host, b->host) && a->mtu == b->mtu && a->state == b->state &&
	       !strcmp(a->reason, b->reason);
}

/* Whether to wait and see, since the VM may be on the LAN again in a moment. */
static bool too_early(struct session *session, const struct ready_record *moved)
{
	const uint64_t now = now_ms();

	if (moved->state != LAN_AWAY || session->told.state != LAN_UP) {
		session->tell_at = 0;
		return false;
	}
	if (!session->tell_at)
		session->tell_at = now + AWAY_MS;
	return now < session->tell_at;
}

/* Tells the launcher what has changed, if anything it knows has. */
static void tell_moved(struct session *session)
{
	struct ready_record moved;
	struct error ignored;

	describe(&session->attachment, RECORD_MOVED, &moved);
	if (too_early(session, &moved) || same_attachment(&moved, &session->told))
		return;
	session->tell_at = 0;
	if (protocol_send(session->socket, &moved, NULL, 0, &ignored) == 0)
		session->told = moved;
}

/* After anything that may have published an address: defend it, and announce it once more. */
static void after_publishing(struct session *session)
{
	struct attachment *attachment = &session->attachment;
	struct error ignored;

	if (attachment->state == LAN_UP || attachment->state == LAN_CONFLICT)
		acd_start(&session->acd, attachment, &ignored);
	else
		acd_stop(&session->acd, attachment);
	if (attachment->announce_again)
		session->announce_at = now_ms() + ANNOUNCE_INTERVAL_MS;
	attachment->announce_again = false;
	if (attachment->conflict && session->look_at > session->acd.last_conflict + CALM_MS)
		session->look_at = session->acd.last_conflict + CALM_MS;
	tell_moved(session);
}

/* The rival's word is still in the neighbours' caches: the LAN is told anew. */
static void calm_down(struct session *session)
{
	struct attachment *attachment = &session->attachment;

	if (!attachment->conflict || now_ms() < session->acd.last_conflict + CALM_MS)
		return;
	attachment->conflict = false;
	attachment->announced.ifindex = 0;
}

static void look(struct session *session)
{
	struct error err;
	int ret;

	calm_down(session);
	ret = roam(&session->attachment, &err);
	/* A subnet without a free address is not probed again and again. */
	session->look_at = now_ms() +
			   (ret < 0 && err.status != STATUS_NETWORK ? RETRY_MS : SLOW_CHECK_MS);
	after_publishing(session);
}

static void announce_again(struct session *session)
{
	struct error ignored;

	session->announce_at = 0;
	if (session->attachment.state == LAN_UP)
		host_announce(&session->attachment.host, attachment_address(&session->attachment),
			      attachment_uplink(&session->attachment),
			      &session->attachment.uplink.mac, &ignored);
}

static void on_arp(struct session *session)
{
	struct error ignored;

	if (!acd_receive(&session->acd, &session->attachment, now_ms()))
		return;
	roam_conflict(&session->attachment, &session->acd.conflicting_host, &ignored);
	after_publishing(session);
}

static void close_descriptors(const int fds[QUEUES_MAX])
{
	if (fds[0] >= 0)
		close_timeout_fds(fds, QUEUES_MAX);
}

/*
 * What there is no room for, or is malformed, is closed while it is received: see close_timeout_fds(). The
 * wait for a record has no limit.
 */
static int receive(const struct session *session, union record *record, int fds[QUEUES_MAX],
		   struct error *err)
{
	struct pollfd poller = { .fd = session->socket, .events = POLLIN };
	struct close_timeout before;
	int timeout_ret, ret;

	while (poll(&poller, 1, -1) < 0 && errno == EINTR)
		continue;
	timeout_ret = close_timeout_start(CLOSE_TIMEOUT_SECONDS, &before);
	ret = protocol_receive(session->socket, record, fds, err);
	if (timeout_ret == 0)
		close_timeout_stop(&before);
	return ret;
}

/*
 * From the guest to the launcher; one that does not read loses packets, as a network does. A guest
 * that floods gets its turn again, after everybody else.
 */
static void on_guest_dhcp(struct session *session)
{
	struct dhcp_record record;
	struct error ignored;

	for (int i = 0; i < RELAY_MAX && dhcp_relay_receive(session->dhcp, &record) == 0; i++)
		protocol_send(session->socket, &record, NULL, 0, &ignored);
}

/* A guest that is given an address by DHCP can be given another one, now if it needs one. */
static void guest_can_be_told(struct session *session, const struct dhcp_record *answer)
{
	if (session->attachment.setup.roam || !dhcp_relay_gives(answer))
		return;
	session->attachment.setup.roam = 1;
	if (session->attachment.state != LAN_UP)
		session->look_at = now_ms();
}

/* Safe: see standby.h. */
static bool may_have_standby(const struct session *session, const int fds[QUEUES_MAX])
{
	return !session->limits->authorization && standby_socket_valid(fds);
}

static bool on_answer(struct session *session, const struct dhcp_record *answer)
{
	struct error ignored;

	if (session->dhcp < 0 || !dhcp_relay_check(answer))
		return false;
	guest_can_be_told(session, answer);
	dhcp_relay_send(session->dhcp, session->attachment.tap_ifindex, answer, &ignored);
	return true;
}

/*
 * Anything but an answer to the guest, or a wish for another spare, is against the protocol, and ends
 * the VM's place.
 */
static int on_launcher(struct session *session, bool *end, struct error *err)
{
	union record record;
	int fds[QUEUES_MAX];
	bool expected;
	int ret;

	ret = receive(session, &record, fds, err);
	*end = ret < 0;
	if (ret < 0)
		return ret == -ECONNRESET ? 0 : ret;
	if (record.header.type == RECORD_STANDBY) {
		expected = may_have_standby(session, fds);
		if (expected)
			standby_make(&session->standby, fds[0], &session->attachment.setup,
				     session->limits->begin_standby);
	} else {
		expected = fds[0] < 0 && record.header.type == RECORD_DHCP &&
			   on_answer(session, &record.dhcp);
	}
	close_descriptors(fds);
	*end = !expected;
	return expected ? 0 : error_setf(err, STATUS_FAILURE, EPROTO, "unexpected record");
}

static int time_left(const struct session *session)
{
	uint64_t next = session->look_at;
	const uint64_t now = now_ms();

	if (session->announce_at && session->announce_at < next)
		next = session->announce_at;
	if (session->tell_at && session->tell_at < next)
		next = session->tell_at;
	return next > now ? (int)(next - now) : 0;
}

/* While the VM lives: keeps its place, until the launcher is gone. */
static int serve_vm(struct session *session, struct error *err)
{
	bool end = false;
	int ret = 0;

	session->look_at = now_ms();
	if (session->attachment.state == LAN_UP)
		session->look_at += SLOW_CHECK_MS;
	session->announce_at = now_ms() + ANNOUNCE_INTERVAL_MS;
	while (!end) {
		struct pollfd pollers[] = {
			{ .fd = session->socket, .events = POLLIN },
			{ .fd = nl_socket_get_fd(session->events), .events = POLLIN },
			{ .fd = session->attachment.host.arp, .events = POLLIN },
			{ .fd = session->dhcp, .events = POLLIN },
		};

		if (poll(pollers, ARRAY_SIZE(pollers), time_left(session)) < 0 && errno != EINTR)
			return error_set_errno(err, errno, "cannot wait for the launcher");
		if (pollers[0].revents)
			ret = on_launcher(session, &end, err);
		if (pollers[1].revents && netlink_events_drain(session->events) &&
		    session->look_at > now_ms() + SETTLE_MS)
			session->look_at = now_ms() + SETTLE_MS;
		if (pollers[2].revents)
			on_arp(session);
		if (pollers[3].revents)
			on_guest_dhcp(session);
		if (!end && now_ms() >= session->look_at)
			look(session);
		if (session->announce_at && now_ms() >= session->announce_at)
			announce_again(session);
		if (session->tell_at && now_ms() >= session->tell_at)
			tell_moved(session);
	}
	return ret;
}

/* Who the launcher is, for the message to who starts the same VM again. */
static int32_t launcher_pid(int socket)
{
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return 0;
	return peer.pid;
}

static int check_request(const union record *record, struct error *err)
{
	switch ((enum record_type)record->header.type) {
	case RECORD_SETUP:
	case RECORD_ADOPT:
		return protocol_setup_check(&record->setup, err);
	case RECORD_CLEAN:
		return protocol_clean_check(&record->clean, err);
	case RECORD_CHANGE:
	case RECORD_READY:
	case RECORD_FAILED:
	case RECORD_MOVED:
	case RECORD_DHCP:
	case RECORD_STANDBY:
		break;
	}
	return error_setf(err, STATUS_FAILURE, EPROTO, "the first record is not a request");
}

/* A spare takes over the place of one VM, or sweeps. */
static int check_vm(const struct vm_identity *vm, const union record *record, struct error *err)
{
	const struct setup_record *setup = &record->setup;

	if (!vm || record->header.type == RECORD_CLEAN ||
	    (record->header.type == RECORD_ADOPT && !strcmp(setup->name, vm->name) &&
	     !memcmp(setup->uuid, vm->uuid, sizeof(vm->uuid))))
		return 0;
	return error_setf(err, STATUS_PERMISSION, EPERM,
			  "this helper is a standby of VM '%s' and serves nothing else", vm->name);
}

static bool is_dry(const union record *record)
{
	return record->header.type == RECORD_CLEAN ? record->clean.dry_run : record->setup.dry_run;
}

/* What may come before a request: that a spare is wanted. @socket: for it, or -1. */
static int receive_first(struct session *session, union record *record, int fds[QUEUES_MAX],
			 int *socket, struct error *err)
{
	int ret;

	*socket = -1;
	ret = receive(session, record, fds, err);
	if (ret < 0 || record->header.type != RECORD_STANDBY)
		return ret;
	if (!may_have_standby(session, fds)) {
		close_descriptors(fds);
		return error_setf(err, STATUS_FAILURE, EPROTO, "unexpected record");
	}
	*socket = fds[0];
	return receive(session, record, fds, err);
}

static int receive_request(struct session *session, union record *record, int fds[QUEUES_MAX],
			   int *standby, struct error *err)
{
	int ret;

	ret = receive_first(session, record, fds, standby, err);
	if (ret < 0)
		return ret;
	ret = check_request(record, err);
	if (ret == 0)
		ret = check_vm(session->limits->vm, record, err);
	if (ret == 0 && (record->header.type == RECORD_ADOPT) != (fds[0] >= 0))
		ret = error_setf(err, STATUS_FAILURE, EPROTO, "unexpected or missing descriptors");
	if (ret == 0 && !is_dry(record) && !capabilities_sufficient())
		ret = error_setf(err, STATUS_PERMISSION, EPERM,
				 "cannot change the network without CAP_NET_ADMIN and CAP_NET_RAW");
	if (ret < 0)
		close_descriptors(fds);
	return ret;
}

static unsigned int count_taps(const int fds[QUEUES_MAX])
{
	unsigned int count = 0;

	while (count < QUEUES_MAX && fds[count] >= 0)
		count++;
	return count;
}

/* From the request to the launcher's end; the caller undoes what was done. */
static int serve(struct session *session, bool adopt, const int fds[QUEUES_MAX], struct error *err)
{
	struct attachment *attachment = &session->attachment;
	int ret;

	/* Before the first look at the host, so that no change after it goes unnoticed. */
	ret = attachment->host.dry_run ? 0 : netlink_events_open(&session->events, err);
	if (ret < 0)
		close_descriptors(fds);
	else if (adopt)
		ret = attachment_adopt(attachment, fds, count_taps(fds), err);
	else
		ret = attachment_make(attachment, err);
	if (ret == 0 && !attachment->host.dry_run && attachment->state == LAN_UP)
		ret = acd_start(&session->acd, attachment, err);
	if (ret == 0 && !attachment->host.dry_run && attachment->setup.dhcp) {
		ret = session->dhcp = dhcp_relay_open(attachment->tap_ifindex, err);
		if (ret < 0)
			error_context(err, "cannot serve DHCP on '%s'",
				      attachment->lease.record.tap);
	}
	if (ret >= 0)
		ret = send_ready(session, !adopt, err);
	if (ret == 0 && !attachment->host.dry_run)
		ret = serve_vm(session, err);
	return ret;
}

int session_done(int socket, struct error *err)
{
	struct ready_record ready;

	protocol_record_init(&ready, RECORD_READY);
	return protocol_send(socket, &ready, NULL, 0, err);
}

/* A VM's place, from the request to the launcher's end and the undoing. */
static int run_attachment(struct session *session, struct host *host, const union record *record,
			  const int fds[QUEUES_MAX], struct error *err)
{
	struct error undo_error;
	int ret;

	host->report = record->setup.verbose || record->setup.dry_run ? send_change : NULL;
	attachment_init(&session->attachment, &record->setup, host);
	session->attachment.lease.record.launcher = launcher_pid(session->socket);
	ret = serve(session, record->header.type == RECORD_ADOPT, fds, err);
	if (attachment_undo(&session->attachment, &undo_error) < 0 && ret == 0) {
		*err = undo_error;
		ret = -err->code;
	}
	return ret;
}

/*
 * Safe when the asker is hostile: nothing of the request says what is swept, and only what no VM
 * needs is.
 */
static int run_clean(struct session *session, struct host *host, struct error *err)
{
	int ret;

	host->report = send_change;
	ret = lease_stale_remove_all(host, err);
	return ret < 0 ? ret : session_done(session->socket, err);
}

int session_run(int socket, const struct session_limits *limits, struct error *err)
{
	cleanup_nl_sock *route = NULL;
	struct session session = { .socket = socket, .limits = limits, .dhcp = -1 };
	struct host host = { .arp = -1,
			     .context = &session,
			     .authorization = limits->authorization,
			     .client = &session.socket };
	cleanup_fd int standby = -1;
	int fds[QUEUES_MAX];
	union record record;
	int ret;

	standby_init(&session.standby);
	ret = receive_request(&session, &record, fds, &standby, err);
	/* Nothing is permitted, not even to have swept what the dead have left. */
	if (ret == 0 && limits->authorization && limits->authorization->refusal.code) {
		close_descriptors(fds);
		*err = limits->authorization->refusal;
		ret = -err->code;
	}
	if (ret == 0 && standby >= 0 && record.header.type != RECORD_CLEAN && !is_dry(&record))
		standby_make(&session.standby, standby, &record.setup, limits->begin_standby);
	/* One that carries others, unread, may be as slow to close. */
	if (standby >= 0)
		close_timeout_fds((const int[]){ take_fd(&standby) }, 1);
	if (ret == 0)
		ret = netlink_open(NETLINK_ROUTE, &route, err);
	if (ret == 0) {
		host.route = route;
		host.dry_run = is_dry(&record);
		ret = record.header.type == RECORD_CLEAN
			      ? run_clean(&session, &host, err)
			      : run_attachment(&session, &host, &record, fds, err);
	}
	nl_socket_free(session.events);
	standby_done(&session.standby);
	if (ret < 0)
		send_failure(socket, err);
	return ret;
}
