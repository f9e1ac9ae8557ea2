// SPDX-License-Identifier: GPL-2.0-or-later
// Starts vmrun-netsetup and requests an attachment to the LAN from it.
#include "netsetup/protocol/netsetup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/protocol/libexec.h"

#define HELPER "vmrun-netsetup"

/* Limit to wait for the exit of a helper that has closed its socket. */
#define END_MS 5000

/* A child that cannot run the helper exits with NOT_RUN plus the errno value. */
#define NOT_RUN 100

__attribute__((noreturn)) static void cannot_run(void)
{
	_exit(NOT_RUN + errno);
}

/*
 * Runs the helper in the child. It inherits the socket as descriptor 3 and the standard descriptors
 * only. Its environment is empty. Its own session keeps the terminal's signals away.
 */
static void run_helper(const char *path, int socket)
{
	char *const argv[] = { (char *)HELPER, NULL };
	char *const envp[] = { NULL };
	int null;

	setsid();
	/* Move the socket first, because it may be a standard descriptor itself. */
	if (socket == PROTOCOL_FD)
		fcntl(socket, F_SETFD, 0);
	else if (dup2(socket, PROTOCOL_FD) < 0)
		cannot_run();
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		cannot_run();
	if (close_range(PROTOCOL_FD + 1, ~0U, 0) < 0)
		cannot_run();
	execve(path, argv, envp);
	cannot_run();
}

int netsetup_start(struct netsetup *netsetup, struct error *err)
{
	char path[PATH_MAX];
	int sockets[2];
	pid_t pid;
	int ret;

	ret = libexec_find(HELPER, path, err);
	if (ret < 0)
		return ret;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_set_errno(err, errno, "cannot make a socket for '" HELPER "'");
	pid = fork();
	if (pid == 0)
		run_helper(path, sockets[1]);
	ret = pid < 0 ? error_set_errno(err, errno, "cannot start '%s'", path) : 0;
	close(sockets[1]);
	if (ret < 0) {
		close(sockets[0]);
		return ret;
	}
	netsetup->pid = pid;
	netsetup->socket = sockets[0];
	netsetup->owes = false;
	return 0;
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

/* Fills an error with the reason why a helper ended without an answer. */
static int ended_early(const struct netsetup *netsetup, struct error *err)
{
	enum exit_status status = STATUS_FAILURE;
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)netsetup->pid, &info, WEXITED | WNOWAIT) == 0 &&
	    info.si_code == CLD_EXITED) {
		if (info.si_status > NOT_RUN)
			return error_set_errno(err, info.si_status - NOT_RUN,
					       "cannot run '" HELPER "'");
		/* A helper that fails before it has its socket prints the reason itself. */
		if (info.si_status == STATUS_PERMISSION)
			status = STATUS_PERMISSION;
	}
	return error_setf(err, status, ECONNRESET, "'" HELPER "' ended before it answered");
}

static unsigned int count_fds(const int fds[QUEUES_MAX])
{
	unsigned int count = 0;

	while (count < QUEUES_MAX && fds[count] >= 0)
		count++;
	return count;
}

static void close_fds(int fds[QUEUES_MAX])
{
	for (size_t i = 0; i < QUEUES_MAX; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

static int send_request(struct netsetup *netsetup, const void *request, const int *fds,
			unsigned int fd_count, struct error *err)
{
	int ret;

	netsetup->owes = true;
	ret = protocol_send(netsetup->socket, request, fds, fd_count, err);
	return ret == -EPIPE ? ended_early(netsetup, err) : ret;
}

/* Waits for the answer to a request; @taps gets as many descriptors as the answer states. */
static int await(struct netsetup *netsetup, const struct netsetup_listener *listener,
		 struct ready_record *ready, int taps[QUEUES_MAX], struct error *err)
{
	union record record;
	int ret;

	for (;;) {
		ret = listener->wait ? listener->wait(netsetup->socket, err) : 0;
		if (ret < 0)
			return ret;
		ret = protocol_receive(netsetup->socket, &record, taps, err);
		if (ret == -ECONNRESET)
			return ended_early(netsetup, err);
		if (ret < 0)
			return ret;
		if (record.header.type == RECORD_READY && count_fds(taps) == record.ready.queues) {
			*ready = record.ready;
			return 0;
		}
		/* No other record has descriptors. */
		close_fds(taps);
		if (record.header.type == RECORD_FAILED) {
			netsetup->owes = false;
			return failure(&record.failed, err);
		}
		if (record.header.type != RECORD_CHANGE)
			return error_setf(err, STATUS_FAILURE, EPROTO,
					  "unexpected record of '" HELPER "'");
		if (listener->change)
			listener->change(record.change.text, listener->context);
	}
}

int netsetup_ask(struct netsetup *netsetup, const struct setup_record *setup, struct error *err)
{
	return send_request(netsetup, setup, NULL, 0, err);
}

int netsetup_await(struct netsetup *netsetup, const struct netsetup_listener *listener,
		   struct netsetup_lan *lan, struct error *err)
{
	return await(netsetup, listener, &lan->ready, lan->tap_fds, err);
}

int netsetup_adopt(struct netsetup *netsetup, const struct setup_record *setup,
		   const struct netsetup_listener *listener, struct netsetup_lan *lan,
		   struct error *err)
{
	struct setup_record adopt = *setup;
	int none[QUEUES_MAX];
	int ret;

	adopt.header.type = RECORD_ADOPT;
	adopt.remembered[0] = lan->ready.address;
	ret = send_request(netsetup, &adopt, lan->tap_fds, count_fds(lan->tap_fds), err);
	return ret < 0 ? ret : await(netsetup, listener, &lan->ready, none, err);
}

int netsetup_clean(struct netsetup *netsetup, bool dry_run,
		   const struct netsetup_listener *listener, struct error *err)
{
	struct ready_record ready;
	struct clean_record clean;
	int none[QUEUES_MAX];
	int ret;

	protocol_record_init(&clean, RECORD_CLEAN);
	clean.dry_run = dry_run;
	ret = send_request(netsetup, &clean, NULL, 0, err);
	if (ret == 0)
		ret = await(netsetup, listener, &ready, none, err);
	netsetup->owes = ret < 0;
	return ret;
}

int netsetup_listen(struct netsetup *netsetup, const struct netsetup_listener *listener,
		    struct error *err)
{
	union record record;
	int ret;

	ret = protocol_receive(netsetup->socket, &record, NULL, err);
	if (ret < 0)
		return ret;
	switch ((enum record_type)record.header.type) {
	case RECORD_CHANGE:
		if (listener->change)
			listener->change(record.change.text, listener->context);
		return 0;
	case RECORD_MOVED:
		if (listener->moved)
			listener->moved(&record.ready, listener->context);
		return 0;
	case RECORD_DHCP:
		if (listener->dhcp)
			listener->dhcp(&record.dhcp, listener->context);
		return 0;
	case RECORD_FAILED:
		return failure(&record.failed, err);
	case RECORD_SETUP:
	case RECORD_ADOPT:
	case RECORD_CLEAN:
	case RECORD_READY:
		break;
	}
	return error_setf(err, STATUS_FAILURE, EPROTO, "unexpected record of '" HELPER "'");
}

int netsetup_answer(struct netsetup *netsetup, const struct dhcp_record *answer, struct error *err)
{
	return protocol_send(netsetup->socket, answer, NULL, 0, err);
}

/*
 * Waits for the end of a helper, because the next one must find no lease of it. The kernel may
 * close the socket of a process before it releases the lease. Reaps the helper.
 */
static void wait_end(pid_t pid)
{
	cleanup_fd int pidfd = pidfd_open(pid, 0);
	struct pollfd poller = { .fd = pidfd, .events = POLLIN };

	while (pidfd >= 0 && poll(&poller, 1, END_MS) < 0 && errno == EINTR)
		continue;
	waitpid(pid, NULL, WNOHANG);
}

void netsetup_reap(struct netsetup *netsetup)
{
	if (netsetup->socket >= 0)
		close(netsetup->socket);
	netsetup->socket = -1;
	if (netsetup->pid > 0)
		wait_end(netsetup->pid);
	netsetup->pid = 0;
}

bool netsetup_end(struct netsetup *netsetup, const struct netsetup_listener *listener)
{
	int fds[QUEUES_MAX];
	struct error ignored;
	union record record;
	int ret;

	if (netsetup->socket < 0)
		return !netsetup->owes;
	/*
	 * Sends end-of-file and receives records while the helper undoes its changes. The first
	 * may be an answer, with the tap, that the caller has not awaited.
	 */
	ret = shutdown(netsetup->socket, SHUT_WR);
	while (ret == 0 && protocol_receive(netsetup->socket, &record, fds, &ignored) == 0) {
		close_fds(fds);
		if (record.header.type == RECORD_CHANGE && listener->change)
			listener->change(record.change.text, listener->context);
		/* The empty record means that all is undone; an answer has a tap. */
		if (record.header.type == RECORD_READY && !record.ready.tap[0])
			netsetup->owes = false;
	}
	close(netsetup->socket);
	netsetup->socket = -1;
	/*
	 * After its last record the helper undoes nothing more, but lives some 20 ms longer, as the
	 * kernel closes its packet socket. A service manager must not find it: it is root's, so the
	 * manager of a user cannot kill it.
	 */
	if (netsetup->pid > 0)
		wait_end(netsetup->pid);
	return !netsetup->owes;
}

void netsetup_lan_done(struct netsetup_lan *lan)
{
	close_fds(lan->tap_fds);
}
