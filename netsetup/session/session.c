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
#include "netsetup/confine/close_timeout.h"
#include "netsetup/confine/privilege.h"
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
 * @terms: within which it is served.
 * @spare: of this helper.
 * @place: the VM's place.
 * @defence: of its address.
 * @events: the kernel's.
 * @dhcp: packet socket on the tap, or -1.
 * @announce_at: when the second announcement is due, ms of CLOCK_BOOTTIME; 0: not.
 * @look_at: when the host is looked at again.
 * @told: what the launcher was told last.
 * @tell_at: when it is told that the VM is off the LAN, if it still is then; 0: not.
 */
struct session {
	int socket;
	const struct session_terms *terms;
	struct spare spare;
	struct place place;
	struct defence defence;
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

	record_init(&change, RECORD_CHANGE);
	snprintf(change.text, sizeof(change.text), "%s", command);
	record_send(session->socket, &change, NULL, 0, &ignored);
}

static void send_failure(int socket, const struct error *error)
{
	struct failed_record failed;
	struct error ignored;

	record_init(&failed, RECORD_FAILED);
	failed.code = error->code;
	failed.status = (int32_t)error->status;
	memcpy(failed.message, error->message, sizeof(failed.message));
	memcpy(failed.remedy, error->remedy, sizeof(failed.remedy));
	record_send(socket, &failed, NULL, 0, &ignored);
}

static struct in_addr guest_gateway(const struct place *place)
{
	switch ((enum gateway_mode)place->setup.gateway_mode) {
	case GATEWAY_ROUTER:
		return place->uplink.router;
	case GATEWAY_HOST:
		return place->uplink.prefix.address;
	case GATEWAY_ADDRESS:
		return place->setup.gateway;
	}
	return place->uplink.router;
}

/* The place as a record of type RECORD_READY or RECORD_MOVED. */
static void describe(const struct place *place, enum record_type type, struct ready_record *ready)
{
	const struct uplink *uplink = &place->uplink;

	record_init(ready, type);
	memcpy(ready->uplink, uplink->ifname, sizeof(ready->uplink));
	memcpy(ready->ssid, uplink->ssid, sizeof(ready->ssid));
	memcpy(ready->tap, place->lease.record.tap, sizeof(ready->tap));
	ready->address = place_address(place);
	ready->prefix_length = uplink->prefix.length;
	ready->router = uplink->router;
	ready->gateway = guest_gateway(place);
	ready->host = uplink->prefix.address;
	ready->mtu = uplink->mtu;
	ready->wireless = uplink->wireless;
	ready->state = place->state;
	memcpy(ready->reason, place->reason, sizeof(ready->reason));
}

static int send_ready(struct session *session, bool with_taps, struct error *err)
{
	struct ready_record ready;

	describe(&session->place, RECORD_READY, &ready);
	describe(&session->place, RECORD_MOVED, &session->told);
	ready.queues = with_taps ? session->place.queues : 0;
	return record_send(session->socket, &ready, session->place.tap_fds, ready.queues, err);
}

static bool same_place(const struct ready_record *a, const struct ready_record *b)
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

	describe(&session->place, RECORD_MOVED, &moved);
	if (too_early(session, &moved) || same_place(&moved, &session->told))
		return;
	session->tell_at = 0;
	if (record_send(session->socket, &moved, NULL, 0, &ignored) == 0)
		session->told = moved;
}

/* After anything that may have published an address: defend it, and announce it once more. */
static void after_publishing(struct session *session)
{
	struct place *place = &session->place;
	struct error ignored;

	if (place->state == LAN_UP || place->state == LAN_CONTESTED)
		defend_start(&session->defence, place, &ignored);
	else
		defend_stop(&session->defence, place);
	if (place->announce_again)
		session->announce_at = now_ms() + ANNOUNCE_INTERVAL_MS;
	place->announce_again = false;
	if (place->contested && session->look_at > session->defence.last_conflict + CALM_MS)
		session->look_at = session->defence.last_conflict + CALM_MS;
	tell_moved(session);
}

/* The rival's word is still in the neighbours' caches: the LAN is told anew. */
static void calm_down(struct session *session)
{
	struct place *place = &session->place;

	if (!place->contested || now_ms() < session->defence.last_conflict + CALM_MS)
		return;
	place->contested = false;
	place->announced.ifindex = 0;
}

static void look(struct session *session)
{
	struct error err;
	int rc;

	calm_down(session);
	rc = follow(&session->place, &err);
	/* A subnet without a free address is not probed again and again. */
	session->look_at = now_ms() +
			   (rc < 0 && err.status != STATUS_NETWORK ? RETRY_MS : SLOW_CHECK_MS);
	after_publishing(session);
}

static void announce_again(struct session *session)
{
	struct error ignored;

	session->announce_at = 0;
	if (session->place.state == LAN_UP)
		host_announce(&session->place.host, place_address(&session->place),
			      place_uplink(&session->place), &session->place.uplink.mac, &ignored);
}

static void on_arp(struct session *session)
{
	struct error ignored;

	if (!defend_receive(&session->defence, &session->place, now_ms()))
		return;
	follow_contested(&session->place, &session->defence.rival, &ignored);
	after_publishing(session);
}

static void close_descriptors(const int fds[QUEUES_MAX])
{
	if (fds[0] >= 0)
		alarm_close(fds, QUEUES_MAX);
}

/*
 * What there is no room for, or is malformed, is closed while it is received: see alarm_close(). The
 * wait for a record has no limit.
 */
static int receive(const struct session *session, union record *record, int fds[QUEUES_MAX],
		   struct error *err)
{
	struct pollfd poller = { .fd = session->socket, .events = POLLIN };
	struct alarm_before before;
	int alarm_rc, rc;

	while (poll(&poller, 1, -1) < 0 && errno == EINTR)
		continue;
	alarm_rc = alarm_start(ALARM_CLOSE_SECONDS, &before);
	rc = record_receive(session->socket, record, fds, err);
	if (alarm_rc == 0)
		alarm_stop(&before);
	return rc;
}

/*
 * From the guest to the launcher; one that does not read loses packets, as a network does. A guest
 * that floods gets its turn again, after everybody else.
 */
static void on_guest_dhcp(struct session *session)
{
	struct dhcp_record record;
	struct error ignored;

	for (int i = 0; i < RELAY_MAX && dhcprelay_receive(session->dhcp, &record) == 0; i++)
		record_send(session->socket, &record, NULL, 0, &ignored);
}

/* A guest that is given an address by DHCP can be given another one, now if it needs one. */
static void guest_can_be_told(struct session *session, const struct dhcp_record *answer)
{
	if (session->place.setup.follow || !dhcprelay_gives(answer))
		return;
	session->place.setup.follow = 1;
	if (session->place.state != LAN_UP)
		session->look_at = now_ms();
}

/* Safe: see standby.h. */
static bool may_have_spare(const struct session *session, const int fds[QUEUES_MAX])
{
	return !session->terms->permit && spare_socket_valid(fds);
}

static bool on_answer(struct session *session, const struct dhcp_record *answer)
{
	struct error ignored;

	if (session->dhcp < 0 || !dhcprelay_check(answer))
		return false;
	guest_can_be_told(session, answer);
	dhcprelay_send(session->dhcp, session->place.tap_ifindex, answer, &ignored);
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
	int rc;

	rc = receive(session, &record, fds, err);
	*end = rc < 0;
	if (rc < 0)
		return rc == -ECONNRESET ? 0 : rc;
	if (record.header.type == RECORD_SPARE) {
		expected = may_have_spare(session, fds);
		if (expected)
			spare_make(&session->spare, fds[0], &session->place.setup,
				   session->terms->begin_spare);
	} else {
		expected = fds[0] < 0 && record.header.type == RECORD_DHCP &&
			   on_answer(session, &record.dhcp);
	}
	close_descriptors(fds);
	*end = !expected;
	return expected ? 0 : error_say(err, STATUS_FAILURE, EPROTO, "unexpected record");
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
	int rc = 0;

	session->look_at = now_ms();
	if (session->place.state == LAN_UP)
		session->look_at += SLOW_CHECK_MS;
	session->announce_at = now_ms() + ANNOUNCE_INTERVAL_MS;
	while (!end) {
		struct pollfd pollers[] = {
			{ .fd = session->socket, .events = POLLIN },
			{ .fd = nl_socket_get_fd(session->events), .events = POLLIN },
			{ .fd = session->place.host.arp, .events = POLLIN },
			{ .fd = session->dhcp, .events = POLLIN },
		};

		if (poll(pollers, ARRAY_SIZE(pollers), time_left(session)) < 0 && errno != EINTR)
			return error_set(err, errno, "cannot wait for the launcher");
		if (pollers[0].revents)
			rc = on_launcher(session, &end, err);
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
	return rc;
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
		return setup_check(&record->setup, err);
	case RECORD_CLEAN:
		return clean_check(&record->clean, err);
	case RECORD_CHANGE:
	case RECORD_READY:
	case RECORD_FAILED:
	case RECORD_MOVED:
	case RECORD_DHCP:
	case RECORD_SPARE:
		break;
	}
	return error_say(err, STATUS_FAILURE, EPROTO, "the first record is not a request");
}

/* A spare takes over the place of one VM, or sweeps. */
static int check_vm(const struct vm_identity *vm, const union record *record, struct error *err)
{
	const struct setup_record *setup = &record->setup;

	if (!vm || record->header.type == RECORD_CLEAN ||
	    (record->header.type == RECORD_ADOPT && !strcmp(setup->name, vm->name) &&
	     !memcmp(setup->uuid, vm->uuid, sizeof(vm->uuid))))
		return 0;
	return error_say(err, STATUS_PERMISSION, EPERM,
			 "this helper is a spare of VM '%s', and for nothing else", vm->name);
}

static bool is_dry(const union record *record)
{
	return record->header.type == RECORD_CLEAN ? record->clean.dry_run : record->setup.dry_run;
}

/* What may come before a request: that a spare is wanted. @socket: for it, or -1. */
static int receive_wish(struct session *session, union record *record, int fds[QUEUES_MAX],
			int *socket, struct error *err)
{
	int rc;

	*socket = -1;
	rc = receive(session, record, fds, err);
	if (rc < 0 || record->header.type != RECORD_SPARE)
		return rc;
	if (!may_have_spare(session, fds)) {
		close_descriptors(fds);
		return error_say(err, STATUS_FAILURE, EPROTO, "unexpected record");
	}
	*socket = fds[0];
	return receive(session, record, fds, err);
}

static int receive_request(struct session *session, union record *record, int fds[QUEUES_MAX],
			   int *spare, struct error *err)
{
	int rc;

	rc = receive_wish(session, record, fds, spare, err);
	if (rc < 0)
		return rc;
	rc = check_request(record, err);
	if (rc == 0)
		rc = check_vm(session->terms->vm, record, err);
	if (rc == 0 && (record->header.type == RECORD_ADOPT) != (fds[0] >= 0))
		rc = error_say(err, STATUS_FAILURE, EPROTO, "unexpected or missing descriptors");
	if (rc == 0 && !is_dry(record) && !privilege_sufficient())
		rc = error_say(err, STATUS_PERMISSION, EPERM,
			       "cannot change the network without CAP_NET_ADMIN and CAP_NET_RAW");
	if (rc < 0)
		close_descriptors(fds);
	return rc;
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
	struct place *place = &session->place;
	int rc;

	/* Before the first look at the host, so that no change after it goes unnoticed. */
	rc = place->host.dry_run ? 0 : netlink_events_open(&session->events, err);
	if (rc < 0)
		close_descriptors(fds);
	else if (adopt)
		rc = place_adopt(place, fds, count_taps(fds), err);
	else
		rc = place_make(place, err);
	if (rc == 0 && !place->host.dry_run && place->state == LAN_UP)
		rc = defend_start(&session->defence, place, err);
	if (rc == 0 && !place->host.dry_run && place->setup.dhcp) {
		rc = session->dhcp = dhcprelay_open(place->tap_ifindex, err);
		if (rc < 0)
			error_context(err, "cannot serve DHCP on '%s'", place->lease.record.tap);
	}
	if (rc >= 0)
		rc = send_ready(session, !adopt, err);
	if (rc == 0 && !place->host.dry_run)
		rc = serve_vm(session, err);
	return rc;
}

int session_done(int socket, struct error *err)
{
	struct ready_record ready;

	record_init(&ready, RECORD_READY);
	return record_send(socket, &ready, NULL, 0, err);
}

/* A VM's place, from the request to the launcher's end and the undoing. */
static int run_place(struct session *session, struct host *host, const union record *record,
		     const int fds[QUEUES_MAX], struct error *err)
{
	struct error undo_error;
	int rc;

	host->say = record->setup.verbose || record->setup.dry_run ? send_change : NULL;
	place_init(&session->place, &record->setup, host);
	session->place.lease.record.launcher = launcher_pid(session->socket);
	rc = serve(session, record->header.type == RECORD_ADOPT, fds, err);
	if (place_undo(&session->place, &undo_error) < 0 && rc == 0) {
		*err = undo_error;
		rc = -err->code;
	}
	return rc;
}

/*
 * Safe when the asker is hostile: nothing of the request says what is swept, and only what no VM
 * needs is.
 */
static int run_clean(struct session *session, struct host *host, struct error *err)
{
	int rc;

	host->say = send_change;
	rc = lease_stale_remove_all(host, err);
	return rc < 0 ? rc : session_done(session->socket, err);
}

int session_run(int socket, const struct session_terms *terms, struct error *err)
{
	cleanup_nl_sock *route = NULL;
	struct session session = { .socket = socket, .terms = terms, .dhcp = -1 };
	struct host host = {
		.arp = -1, .context = &session, .permit = terms->permit, .asker = &session.socket
	};
	cleanup_fd int spare = -1;
	int fds[QUEUES_MAX];
	union record record;
	int rc;

	spare_init(&session.spare);
	rc = receive_request(&session, &record, fds, &spare, err);
	/* Nothing is permitted, not even to have swept what the dead have left. */
	if (rc == 0 && terms->permit && terms->permit->refusal.code) {
		close_descriptors(fds);
		*err = terms->permit->refusal;
		rc = -err->code;
	}
	if (rc == 0 && spare >= 0 && record.header.type != RECORD_CLEAN && !is_dry(&record))
		spare_make(&session.spare, spare, &record.setup, terms->begin_spare);
	/* One that carries others, unread, may be as slow to close. */
	if (spare >= 0)
		alarm_close((const int[]){ take_fd(&spare) }, 1);
	if (rc == 0)
		rc = nl_socket_open(NETLINK_ROUTE, &route, err);
	if (rc == 0) {
		host.route = route;
		host.dry_run = is_dry(&record);
		rc = record.header.type == RECORD_CLEAN
			     ? run_clean(&session, &host, err)
			     : run_place(&session, &host, &record, fds, err);
	}
	nl_socket_free(session.events);
	spare_done(&session.spare);
	if (rc < 0)
		send_failure(socket, err);
	return rc;
}
