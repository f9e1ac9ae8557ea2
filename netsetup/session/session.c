// SPDX-License-Identifier: GPL-2.0-or-later
// Serves one VM's LAN session, from the request until it is undone.
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

/* RFC 5227 section 1.1, ANNOUNCE_INTERVAL: from the first announcement to the second. */
#define ANNOUNCE_INTERVAL_MS 2000

/* Debounce: events come in bursts, and the host is checked this long after the first. */
#define EVENT_DEBOUNCE_MS 5

/* DHCP packets of the guest that are relayed in one turn. */
#define RELAY_MAX 16

/* For changes without an event, such as a deleted proxy entry. */
#define PERIODIC_CHECK_MS 60000

/* Retry after a failure that may be temporary. */
#define RETRY_MS 1000

/* Debounce: a VM that changes its address is off the LAN for a moment, which is not reported. */
#define AWAY_DEBOUNCE_MS 500

/* A conflict ends when the other host has been silent for this long. */
#define CONFLICT_MS 30000

/**
 * struct session - the LAN session of one VM.
 * @socket: to the launcher.
 * @acd: conflict detection of the VM's address.
 * @events: netlink socket for the kernel's events.
 * @dhcp: packet socket on the tap, or -1.
 * @announce_at: time of the second announcement, ms of CLOCK_BOOTTIME; 0: none.
 * @check_at: time of the next check of the host.
 * @sent: the last RECORD_MOVED, as the launcher knows it.
 * @send_at: time to report that the VM is still off the LAN; 0: none.
 */
struct session {
	int socket;
	struct attachment attachment;
	struct acd acd;
	struct nl_sock *events;
	int dhcp;
	uint64_t announce_at;
	uint64_t check_at;
	struct ready_record sent;
	uint64_t send_at;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A launcher that does not read loses these records; the helper does not wait for it. */
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

/* Fills in a record of type RECORD_READY or RECORD_MOVED. */
static void fill_ready(const struct attachment *attachment, enum record_type type,
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

	fill_ready(&session->attachment, RECORD_READY, &ready);
	fill_ready(&session->attachment, RECORD_MOVED, &session->sent);
	ready.queues = with_taps ? session->attachment.queues : 0;
	return protocol_send(session->socket, &ready, session->attachment.tap_fds, ready.queues,
			     err);
}

static bool ready_equal(const struct ready_record *a, const struct ready_record *b)
{
	return !strcmp(a->uplink, b->uplink) && !strcmp(a->ssid, b->ssid) &&
	       ipv4_equal(a->address, b->address) && a->prefix_length == b->prefix_length &&
	       ipv4_equal(a->router, b->router) && ipv4_equal(a->gateway, b->gateway) &&
	       ipv4_equal(a->host, b->host) && a->mtu == b->mtu && a->state == b->state &&
	       !strcmp(a->reason, b->reason);
}

/* Returns true if the launcher need not know yet: the VM may be on the LAN again in a moment. */
static bool is_debounced(struct session *session, const struct ready_record *moved)
{
	const uint64_t now = now_ms();

	if (moved->state != LAN_AWAY || session->sent.state != LAN_UP) {
		session->send_at = 0;
		return false;
	}
	if (!session->send_at)
		session->send_at = now + AWAY_DEBOUNCE_MS;
	return now < session->send_at;
}

/* Sends the launcher what has changed since the last record. */
static void send_moved(struct session *session)
{
	struct ready_record moved;
	struct error ignored;

	fill_ready(&session->attachment, RECORD_MOVED, &moved);
	if (is_debounced(session, &moved) || ready_equal(&moved, &session->sent))
		return;
	session->send_at = 0;
	if (protocol_send(session->socket, &moved, NULL, 0, &ignored) == 0)
		session->sent = moved;
}

/* Defends and announces an address that may have been published just now. */
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
	if (attachment->conflict && session->check_at > session->acd.last_conflict + CONFLICT_MS)
		session->check_at = session->acd.last_conflict + CONFLICT_MS;
	send_moved(session);
}

/* The neighbours' caches still have the other host's claim: announce the address again. */
static void end_conflict(struct session *session)
{
	struct attachment *attachment = &session->attachment;

	if (!attachment->conflict || now_ms() < session->acd.last_conflict + CONFLICT_MS)
		return;
	attachment->conflict = false;
	attachment->announced.ifindex = 0;
}

static void check_host(struct session *session)
{
	struct error err;
	int ret;

	end_conflict(session);
	ret = roam(&session->attachment, &err);
	/* STATUS_NETWORK: a subnet without a free address is not probed every second. */
	session->check_at =
		now_ms() + (ret < 0 && err.status != STATUS_NETWORK ? RETRY_MS : PERIODIC_CHECK_MS);
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
 * Receiving closes surplus descriptors and those of a malformed record, which needs a limit, see
 * close_timeout_fds(). The wait for a record has none.
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
 * Relays from the guest to the launcher, which loses packets if it does not read, as on a network.
 * The limit gives the others their turn during a guest's flood.
 */
static void on_guest_dhcp(struct session *session)
{
	struct dhcp_record record;
	struct error ignored;

	for (int i = 0; i < RELAY_MAX && dhcp_relay_receive(session->dhcp, &record) == 0; i++)
		protocol_send(session->socket, &record, NULL, 0, &ignored);
}

/* A guest that uses DHCP can get another address, at once if it needs one. */
static void allow_roaming(struct session *session, const struct dhcp_record *answer)
{
	if (session->attachment.setup.roam || !dhcp_relay_gives(answer))
		return;
	session->attachment.setup.roam = 1;
	if (session->attachment.state != LAN_UP)
		session->check_at = now_ms();
}

static bool on_launcher_dhcp(struct session *session, const struct dhcp_record *answer)
{
	struct error ignored;

	if (session->dhcp < 0 || !dhcp_relay_check(answer))
		return false;
	allow_roaming(session, answer);
	dhcp_relay_send(session->dhcp, session->attachment.tap_ifindex, answer, &ignored);
	return true;
}

/* Ends the session at any record but a DHCP answer. */
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
	expected = fds[0] < 0 && record.header.type == RECORD_DHCP &&
		   on_launcher_dhcp(session, &record.dhcp);
	close_descriptors(fds);
	*end = !expected;
	return expected ? 0 : error_setf(err, STATUS_FAILURE, EPROTO, "unexpected record");
}

static int time_left(const struct session *session)
{
	uint64_t next = session->check_at;
	const uint64_t now = now_ms();

	if (session->announce_at && session->announce_at < next)
		next = session->announce_at;
	if (session->send_at && session->send_at < next)
		next = session->send_at;
	return next > now ? (int)(next - now) : 0;
}

/* Maintains the attachment while the VM lives, until the launcher's end-of-file. */
static int serve_vm(struct session *session, struct error *err)
{
	bool end = false;
	int ret = 0;

	session->check_at = now_ms();
	if (session->attachment.state == LAN_UP)
		session->check_at += PERIODIC_CHECK_MS;
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
		    session->check_at > now_ms() + EVENT_DEBOUNCE_MS)
			session->check_at = now_ms() + EVENT_DEBOUNCE_MS;
		if (pollers[2].revents)
			on_arp(session);
		if (pollers[3].revents)
			on_guest_dhcp(session);
		if (!end && now_ms() >= session->check_at)
			check_host(session);
		if (session->announce_at && now_ms() >= session->announce_at)
			announce_again(session);
		if (session->send_at && now_ms() >= session->send_at)
			send_moved(session);
	}
	return ret;
}

/* Returns the launcher's pid, for the message to a user who starts the same VM again. */
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
		break;
	}
	return error_setf(err, STATUS_FAILURE, EPROTO, "the first record is not a request");
}

static bool is_dry_run(const union record *record)
{
	return record->header.type == RECORD_CLEAN ? record->clean.dry_run : record->setup.dry_run;
}

static int receive_request(struct session *session, union record *record, int fds[QUEUES_MAX],
			   struct error *err)
{
	int ret;

	ret = receive(session, record, fds, err);
	if (ret < 0)
		return ret;
	ret = check_request(record, err);
	if (ret == 0 && (record->header.type == RECORD_ADOPT) != (fds[0] >= 0))
		ret = error_setf(err, STATUS_FAILURE, EPROTO, "unexpected or missing descriptors");
	if (ret == 0 && !is_dry_run(record) && !capabilities_sufficient())
		ret = error_setf(err, STATUS_PERMISSION, EPERM,
				 "cannot change the network without CAP_NET_ADMIN and CAP_NET_RAW");
	if (ret < 0)
		close_descriptors(fds);
	return ret;
}

static unsigned int count_descriptors(const int fds[QUEUES_MAX])
{
	unsigned int count = 0;

	while (count < QUEUES_MAX && fds[count] >= 0)
		count++;
	return count;
}

/* Serves until the launcher's end-of-file; the caller undoes the changes. */
static int serve(struct session *session, bool adopt, const int fds[QUEUES_MAX], struct error *err)
{
	struct attachment *attachment = &session->attachment;
	int ret;

	/* Open the events before the first query of the host, so that no later change is missed. */
	ret = attachment->host.dry_run ? 0 : netlink_events_open(&session->events, err);
	if (ret < 0)
		close_descriptors(fds);
	else if (adopt)
		ret = attachment_adopt(attachment, fds, count_descriptors(fds), err);
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

/* Serves one attachment, from the request until it is undone. */
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
 * Safe against a hostile client: the request does not choose what is removed, and only what no VM
 * needs is.
 */
static int run_clean(struct session *session, struct host *host, struct error *err)
{
	int ret;

	host->report = send_change;
	ret = lease_stale_remove_all(host, err);
	return ret < 0 ? ret : session_done(session->socket, err);
}

int session_run(int socket, const struct authorization *authorization, struct error *err)
{
	cleanup_nl_sock *route = NULL;
	struct session session = { .socket = socket, .dhcp = -1 };
	struct host host = { .arp = -1,
			     .context = &session,
			     .authorization = authorization,
			     .client = &session.socket };
	int fds[QUEUES_MAX];
	union record record;
	int ret;

	ret = receive_request(&session, &record, fds, err);
	/* The policy permits nothing, not even to remove what dead helpers have left. */
	if (ret == 0 && authorization && authorization->refusal.code) {
		close_descriptors(fds);
		*err = authorization->refusal;
		ret = -err->code;
	}
	if (ret == 0)
		ret = netlink_open(NETLINK_ROUTE, &route, err);
	if (ret == 0) {
		host.route = route;
		host.dry_run = is_dry_run(&record);
		ret = record.header.type == RECORD_CLEAN
			      ? run_clean(&session, &host, err)
			      : run_attachment(&session, &host, &record, fds, err);
	}
	nl_socket_free(session.events);
	if (ret < 0)
		send_failure(socket, err);
	return ret;
}
