// SPDX-License-Identifier: GPL-2.0-or-later
// Connects to vmrun-netsetup, or starts it, and requests attachments to the LAN from it.
#include "netsetup/protocol/netsetup.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/clock.h"
#include "netsetup/protocol/connection.h"

#define HELPER "vmrun-netsetup"

/* Referrals from one service to another, and the wait before one is followed. */
#define REFERRALS_MAX 4
#define REFERRAL_MS   50

/* A lost connection is made anew within this time. */
#define RECONNECT_MS       1000
#define RECONNECT_PAUSE_MS 20

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void sleep_ms(long milliseconds)
{
	const struct timespec pause = { .tv_nsec = milliseconds * 1000000 };

	nanosleep(&pause, NULL);
}

int netsetup_open(struct netsetup *netsetup, bool dry_run, struct error *err)
{
	netsetup->pid = 0;
	netsetup->dry_run = dry_run;
	netsetup->owes = false;
	return connection_open(netsetup, true, err);
}

static int failure(const struct failed_record *failed, struct error *err)
{
	memset(err, 0, sizeof(*err));
	err->code = failed->code > 0 ? failed->code : EIO;
	err->status = failed->status >= STATUS_FAILURE && failed->status <= STATUS_NETWORK
			      ? (enum exit_status)failed->status
			      : STATUS_FAILURE;
	memcpy(err->message, failed->message, sizeof(err->message));
	memcpy(err->remedy, failed->remedy, sizeof(err->remedy));
	return -err->code;
}

static void close_fds(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close_fd(&fds[i]);
}

static unsigned int count_fds(const int fds[FDS_MAX])
{
	unsigned int count = 0;

	while (count < FDS_MAX && fds[count] >= 0)
		count++;
	return count;
}

static int version_differs(const struct netsetup *netsetup, unsigned int version, struct error *err)
{
	error_setf(err, STATUS_FAILURE, EPROTO,
		   "'" HELPER "' speaks version %u of the protocol, and this vmrun version %d",
		   version, PROTOCOL_VERSION);
	error_remedy(err, netsetup->pid > 0 ? "install vmrun whole: cmake --install build"
					    : "sudo systemctl restart vmrun-netsetup");
	return -EPROTO;
}

static int receive(const struct netsetup *netsetup, union record *record, int fds[FDS_MAX],
		   struct error *err)
{
	int ret;

	record->header = (struct record_header){ .version = PROTOCOL_VERSION };
	ret = protocol_receive(netsetup->socket, record, fds, err);
	if (ret == -EPROTO && record->header.magic == PROTOCOL_MAGIC &&
	    record->header.version != PROTOCOL_VERSION)
		return version_differs(netsetup, record->header.version, err);
	return ret;
}

static int unexpected(struct error *err)
{
	return error_setf(err, STATUS_FAILURE, EPROTO, "unexpected record of '" HELPER "'");
}

static int send_request(struct netsetup *netsetup, const void *request, struct error *err)
{
	int ret;

	netsetup->owes = true;
	ret = protocol_send(netsetup->socket, request, NULL, 0, err);
	/* The reason, as of a refusal, may be there to be read. */
	return ret == -EPIPE ? 0 : ret;
}

/* Takes the descriptors of an attachment: as many as the record states, and as many as expected. */
static int take_ready(const struct ready_record *ready, unsigned int queues_max, int fds[FDS_MAX],
		      struct netsetup_lan *lan, struct error *err)
{
	const unsigned int queues = ready->queues;

	if (queues > queues_max || ready->dhcp > 1 || count_fds(fds) != queues + ready->dhcp ||
	    !verdict_check(&ready->verdict))
		return unexpected(err);
	lan->ready = *ready;
	for (unsigned int i = 0; i < queues; i++)
		lan->tap_fds[i] = take_fd(&fds[i]);
	if (ready->dhcp)
		lan->dhcp = take_fd(&fds[queues]);
	return 0;
}

/*
 * Waits for the answer to a request: RECORD_READY, RECORD_FAILED, RECORD_DONE or RECORD_CONNECTED.
 * Return: 0 or a negative errno.
 */
static int await(struct netsetup *netsetup, const struct netsetup_listener *listener,
		 union record *record, int fds[FDS_MAX], struct error *err)
{
	int ret;

	for (;;) {
		ret = listener->wait ? listener->wait(netsetup->socket, err) : 0;
		if (ret == 0)
			ret = receive(netsetup, record, fds, err);
		if (ret < 0)
			return ret == -ECONNRESET ? connection_ended(netsetup, err) : ret;
		switch (record->header.type) {
		case RECORD_READY:
		case RECORD_FAILED:
		case RECORD_DONE:
		case RECORD_CONNECTED:
			return 0;
		case RECORD_VERDICT:
			if (listener->verdict && verdict_check(&record->verdict.verdict))
				listener->verdict(&record->verdict.verdict, listener->context);
			break;
		case RECORD_COUNTS:
			if (listener->counts)
				listener->counts(&record->counts, listener->context);
			break;
		case RECORD_CHANGE:
		case RECORD_RENEWED:
		case RECORD_ACCESS:
			break;
		default:
			close_fds(fds, FDS_MAX);
			return unexpected(err);
		}
		close_fds(fds, FDS_MAX);
		if (record->header.type == RECORD_CHANGE && listener->change)
			listener->change(record->change.text, listener->context);
	}
}

/*
 * Follows a referral. EAGAIN: another process serves this network namespace; a child may send a
 * socket connected to it, since this process may have lost root's rights. EXDEV: the installed
 * service serves another network namespace.
 */
static int follow_referral(struct netsetup *netsetup, int code, int fds[FDS_MAX], struct error *err)
{
	const struct error refusal = *err;
	int ret = 0;

	close_fd(&netsetup->socket);
	connection_reap(netsetup);
	netsetup->socket = take_fd(&fds[0]);
	if (netsetup->socket < 0) {
		sleep_ms(REFERRAL_MS);
		ret = connection_open(netsetup, code != EXDEV, err);
	}
	*err = refusal;
	return ret < 0 ? -refusal.code : 0;
}

/* Sends a request, unless it was sent, and waits for its answer; RECORD_FAILED is an error. */
static int exchange(struct netsetup *netsetup, const void *request, bool sent,
		    const struct netsetup_listener *listener, union record *record,
		    int fds[FDS_MAX], struct error *err)
{
	int ret = 0;

	record->header = (struct record_header){ 0 };
	for (int i = 0; i < REFERRALS_MAX; i++) {
		ret = sent ? 0 : send_request(netsetup, request, err);
		if (ret < 0)
			return ret;
		ret = await(netsetup, listener, record, fds, err);
		if (ret || record->header.type != RECORD_FAILED)
			return ret;
		netsetup->owes = false;
		ret = failure(&record->failed, err);
		if (ret == -EAGAIN || ret == -EXDEV)
			ret = follow_referral(netsetup, -ret, fds, err);
		close_fds(fds, FDS_MAX);
		if (ret < 0)
			return ret;
		sent = false;
	}
	return -err->code;
}

/* Requests another connection, with the rights of this one. */
static int request_further(struct netsetup *netsetup, const struct netsetup_listener *listener,
			   struct netsetup *further, struct error *err)
{
	struct record_header connect;
	union record record;
	int fds[FDS_MAX];
	int ret;

	memset(fds, -1, sizeof(fds));
	protocol_record_init(&connect, RECORD_CONNECT);
	ret = exchange(netsetup, &connect, false, listener, &record, fds, err);
	netsetup->owes = false;
	if (ret == 0 && (record.header.type != RECORD_CONNECTED || fds[0] < 0))
		ret = unexpected(err);
	else if (ret == 0)
		further->socket = take_fd(&fds[0]);
	close_fds(fds, FDS_MAX);
	return ret;
}

int netsetup_open_further(struct netsetup *netsetup, bool as_root,
			  const struct netsetup_listener *listener, struct netsetup *further,
			  struct error *err)
{
	further->pid = 0;
	further->dry_run = netsetup->dry_run;
	further->owes = false;
	if (as_root || netsetup->pid > 0)
		return request_further(netsetup, listener, further, err);
	return connection_open(further, true, err);
}

/* Returns true if the service closed the connection, and nothing of it is left to read. */
static bool is_closed(int socket)
{
	char byte;

	return recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

int netsetup_ask(struct netsetup *netsetup, const struct attach_record *attach, struct error *err)
{
	int ret = 0;

	/* The service does not wait for a user who downloads an image first. */
	if (is_closed(netsetup->socket)) {
		close_fd(&netsetup->socket);
		connection_reap(netsetup);
		ret = netsetup_open(netsetup, netsetup->dry_run, err);
	}
	return ret < 0 ? ret : send_request(netsetup, attach, err);
}

static int attach_vm(struct netsetup *netsetup, const struct attach_record *attach, bool sent,
		     const struct netsetup_listener *listener, struct netsetup_lan *lan,
		     struct error *err)
{
	union record record;
	int fds[FDS_MAX];
	int ret;

	ret = exchange(netsetup, attach, sent, listener, &record, fds, err);
	if (ret)
		return ret;
	if (record.header.type == RECORD_READY)
		ret = take_ready(&record.ready, attach->tap_ifindex ? 0 : QUEUES_MAX, fds, lan,
				 err);
	else
		ret = unexpected(err);
	close_fds(fds, FDS_MAX);
	return ret;
}

int netsetup_await(struct netsetup *netsetup, const struct attach_record *attach,
		   const struct netsetup_listener *listener, struct netsetup_lan *lan,
		   struct error *err)
{
	return attach_vm(netsetup, attach, true, listener, lan, err);
}

int netsetup_move(const struct netsetup *netsetup, const struct attach_record *move,
		  struct error *err)
{
	struct attach_record record = *move;

	record.header.type = RECORD_MOVE;
	return protocol_send(netsetup->socket, &record, NULL, 0, err);
}

int netsetup_withdraw(const struct netsetup *netsetup, struct error *err)
{
	struct record_header withdraw;

	protocol_record_init(&withdraw, RECORD_WITHDRAW);
	return protocol_send(netsetup->socket, &withdraw, NULL, 0, err);
}

int netsetup_reconnect(struct netsetup *netsetup, const struct attach_record *attach,
		       const struct netsetup_listener *listener, struct netsetup_lan *lan,
		       struct error *err)
{
	const uint64_t deadline = monotonic_ms() + RECONNECT_MS;
	int ret;

	for (;;) {
		close_fd(&netsetup->socket);
		connection_reap(netsetup);
		ret = netsetup_open(netsetup, netsetup->dry_run, err);
		if (ret == 0)
			ret = attach_vm(netsetup, attach, false, listener, lan, err);
		/* A refusal is final. */
		if (ret == 0 || (netsetup->socket >= 0 && !netsetup->owes))
			break;
		close_fd(&netsetup->socket);
		if (monotonic_ms() >= deadline)
			break;
		sleep_ms(RECONNECT_PAUSE_MS);
	}
	netsetup->owes = true;
	return ret;
}

int netsetup_request(struct netsetup *netsetup, const void *request,
		     const struct netsetup_listener *listener, struct error *err)
{
	union record record;
	int fds[FDS_MAX];
	int ret;

	memset(fds, -1, sizeof(fds));
	ret = exchange(netsetup, request, false, listener, &record, fds, err);
	if (ret == 0 && record.header.type != RECORD_DONE)
		ret = unexpected(err);
	close_fds(fds, FDS_MAX);
	netsetup->owes = ret < 0;
	return ret;
}

int netsetup_clean(struct netsetup *netsetup, bool dry_run,
		   const struct netsetup_listener *listener, struct error *err)
{
	struct clean_record clean;

	protocol_record_init(&clean, RECORD_CLEAN);
	clean.dry_run = dry_run;
	return netsetup_request(netsetup, &clean, listener, err);
}

static int on_record(struct netsetup *netsetup, const struct netsetup_listener *listener,
		     const union record *record, int fds[FDS_MAX], struct error *err)
{
	switch ((enum record_type)record->header.type) {
	case RECORD_CHANGE:
		if (listener->change)
			listener->change(record->change.text, listener->context);
		return 0;
	case RECORD_READY:
		if (record->ready.queues || record->ready.dhcp ||
		    record->ready.access >= ACCESS_RESULTS ||
		    !verdict_check(&record->ready.verdict))
			break;
		if (listener->ready)
			listener->ready(&record->ready, listener->context);
		return 0;
	case RECORD_FAILED:
		failure(&record->failed, err);
		if (listener->failed)
			listener->failed(err, listener->context);
		return 0;
	case RECORD_CONFLICT:
		if (listener->conflict)
			listener->conflict(&record->conflict, listener->context);
		return 0;
	case RECORD_STRANGER:
		if (listener->stranger)
			listener->stranger(&record->conflict, listener->context);
		return 0;
	case RECORD_VERDICT:
		if (!verdict_check(&record->verdict.verdict))
			break;
		if (listener->verdict)
			listener->verdict(&record->verdict.verdict, listener->context);
		return 0;
	case RECORD_ACCESS:
		if (record->access.access >= ACCESS_RESULTS)
			break;
		if (listener->access)
			listener->access((enum access_result)record->access.access,
					 listener->context);
		return 0;
	case RECORD_RENEWED:
		if (listener->renewed)
			listener->renewed(take_fd(&fds[0]), listener->context);
		return 0;
	case RECORD_DONE:
		netsetup->owes = false;
		return error_set_errno(err, ECONNRESET, "'" HELPER "' has ended the attachment");
	case RECORD_ATTACH:
	case RECORD_MOVE:
	case RECORD_WITHDRAW:
	case RECORD_CLEAN:
	case RECORD_DHCP:
	case RECORD_CONNECT:
	case RECORD_CONNECTED:
	case RECORD_COUNT:
	case RECORD_COUNTS:
		break;
	}
	return unexpected(err);
}

int netsetup_listen(struct netsetup *netsetup, const struct netsetup_listener *listener,
		    struct error *err)
{
	union record record;
	int fds[FDS_MAX];
	int ret;

	ret = receive(netsetup, &record, fds, err);
	if (ret < 0)
		return ret;
	ret = on_record(netsetup, listener, &record, fds, err);
	close_fds(fds, FDS_MAX);
	return ret;
}

bool netsetup_end(struct netsetup *netsetup, const struct netsetup_listener *listener)
{
	int fds[FDS_MAX];
	struct error ignored;
	union record record;
	int ret;

	if (netsetup->socket < 0)
		return !netsetup->owes;
	/*
	 * Sends end-of-file and receives records while the service undoes its changes. The first
	 * may be an answer, with the tap, that the caller has not awaited.
	 */
	ret = shutdown(netsetup->socket, SHUT_WR);
	while (ret == 0 && protocol_receive(netsetup->socket, &record, fds, &ignored) == 0) {
		close_fds(fds, FDS_MAX);
		if (record.header.type == RECORD_CHANGE && listener->change)
			listener->change(record.change.text, listener->context);
		if (record.header.type == RECORD_DONE)
			netsetup->owes = false;
	}
	close_fd(&netsetup->socket);
	if (netsetup->owes)
		connection_reap(netsetup);
	else
		connection_release(netsetup);
	return !netsetup->owes;
}

void netsetup_lan_done(struct netsetup_lan *lan)
{
	close_fds(lan->tap_fds, QUEUES_MAX);
	close_fd(&lan->dhcp);
}
