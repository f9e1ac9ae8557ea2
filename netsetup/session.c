// SPDX-License-Identifier: GPL-2.0-or-later
// One VM's conversation with its launcher, from the request to the undoing.
#include "netsetup/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsetup/cleanup.h"
#include "netsetup/plumb.h"
#include "netsetup/privilege.h"
#include "netsetup/protocol.h"

/* RFC 5227 section 1.1, ANNOUNCE_INTERVAL: between the first and the second announcement. */
#define ANNOUNCE_INTERVAL_MS 2000

/* A launcher that does not read loses these; it cannot hold us up. */
static void send_change(const char *command, void *context)
{
	const int *socket = context;
	struct change_record change;
	struct error ignored;

	record_init(&change, RECORD_CHANGE);
	snprintf(change.text, sizeof(change.text), "%s", command);
	record_send(*socket, &change, NULL, 0, &ignored);
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

static struct in_addr guest_gateway(const struct place *place, const struct setup_record *setup)
{
	switch ((enum gateway_mode)setup->gateway_mode) {
	case GATEWAY_ROUTER:
		return place->uplink.router;
	case GATEWAY_HOST:
		return place->uplink.prefix.address;
	case GATEWAY_ADDRESS:
		return setup->gateway;
	}
	return place->uplink.router;
}

static int send_ready(int socket, const struct place *place, const struct setup_record *setup,
		      struct error *err)
{
	const struct uplink *uplink = &place->uplink;
	struct ready_record ready;

	record_init(&ready, RECORD_READY);
	memcpy(ready.uplink, uplink->ifname, sizeof(ready.uplink));
	memcpy(ready.ssid, uplink->ssid, sizeof(ready.ssid));
	memcpy(ready.tap, place->lease.record.tap, sizeof(ready.tap));
	ready.address = place->lease.record.addresses[0];
	ready.prefix_length = uplink->prefix.length;
	ready.router = uplink->router;
	ready.gateway = guest_gateway(place, setup);
	ready.mtu = uplink->mtu;
	ready.queues = place->queues;
	ready.wireless = uplink->wireless;
	return record_send(socket, &ready, place->tap_fds, place->queues, err);
}

static int receive_setup(int socket, union record *record, struct error *err)
{
	int rc;

	rc = record_receive(socket, record, NULL, err);
	if (rc < 0)
		return rc;
	if (record->header.type != RECORD_SETUP)
		return error_say(err, STATUS_FAILURE, EPROTO,
				 "the first record is not a request");
	return setup_check(&record->setup, err);
}

/* Waits for the launcher's end. Anything it sends is against the protocol, and ends the VM's place. */
static int wait_for_end(int socket, struct place *place, struct error *err)
{
	struct pollfd poller = { .fd = socket, .events = POLLIN };
	const struct interface_id uplink = { place->uplink.ifname, place->uplink.ifindex };
	int timeout = ANNOUNCE_INTERVAL_MS;
	union record record;
	int rc;

	while ((rc = poll(&poller, 1, timeout)) <= 0) {
		struct error ignored;

		if (rc < 0 && errno != EINTR)
			return error_set(err, errno, "cannot wait for the launcher");
		if (rc == 0)
			host_announce(&place->host, place->lease.record.addresses[0], uplink,
				      &place->uplink.mac, &ignored);
		timeout = rc == 0 ? -1 : timeout;
	}
	rc = record_receive(socket, &record, NULL, err);
	if (rc == -ECONNRESET)
		return 0;
	return rc < 0 ? rc : error_say(err, STATUS_FAILURE, EPROTO, "unexpected record");
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

static int serve(int socket, const struct setup_record *setup, struct place *place,
		 struct error *err)
{
	struct error undo_error;
	int rc;

	if (!setup->dry_run && !privilege_sufficient())
		return error_say(err, STATUS_PERMISSION, EPERM,
				 "cannot change the network without CAP_NET_ADMIN and CAP_NET_RAW");
	place->lease.record.launcher = launcher_pid(socket);
	rc = place_make(place, setup, err);
	if (rc == 0)
		rc = send_ready(socket, place, setup, err);
	if (rc == 0 && !setup->dry_run)
		rc = wait_for_end(socket, place, err);
	if (place_undo(place, &undo_error) < 0 && rc == 0) {
		*err = undo_error;
		rc = -err->code;
	}
	return rc;
}

int session_run(int socket, struct error *err)
{
	cleanup_nl_sock *route = NULL;
	struct host host = { 0 };
	struct place place;
	union record record;
	int rc;

	rc = receive_setup(socket, &record, err);
	if (rc == 0)
		rc = nl_socket_open(NETLINK_ROUTE, &route, err);
	if (rc == 0) {
		host.route = route;
		host.dry_run = record.setup.dry_run;
		host.say = record.setup.verbose || record.setup.dry_run ? send_change : NULL;
		host.context = &socket;
		place_init(&place, &host);
		rc = serve(socket, &record.setup, &place, err);
	}
	if (rc < 0)
		send_failure(socket, err);
	return rc;
}
