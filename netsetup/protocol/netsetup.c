// SPDX-License-Identifier: GPL-2.0-or-later
// The launcher's side of the protocol: start vmrun-netsetup, ask it for a place on the LAN.
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

/* A helper that has closed its socket ends within the time that the kernel takes for it. */
#define END_MS 5000

/* Beyond it, a child's exit status is the errno value for which the helper was not run at all. */
#define NOT_RUN 100

__attribute__((noreturn)) static void cannot_run(void)
{
	_exit(NOT_RUN + errno);
}

/*
 * In the child. Descriptor 3 is the socket and nothing else is inherited but the standard ones; the
 * environment is empty, and a session of its own keeps the terminal's signals away.
 */
static void run_helper(const char *path, int socket)
{
	char *const argv[] = { (char *)HELPER, NULL };
	char *const envp[] = { NULL };
	int null;

	setsid();
	/* The socket first: it may have a standard descriptor's number itself. */
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
	netsetup->asked = netsetup->owes = false;
	return 0;
}

int netsetup_standby(const struct netsetup *netsetup, struct netsetup *standby, struct error *err)
{
	struct standby_record request;
	int sockets[2];
	int ret;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_set_errno(err, errno, "cannot make a socket for '" HELPER "'");
	protocol_record_init(&request, RECORD_STANDBY);
	ret = protocol_send(netsetup->socket, &request, &sockets[1], 1, err);
	close(sockets[1]);
	if (ret < 0) {
		close(sockets[0]);
		return ret;
	}
	*standby = (struct netsetup){ .socket = sockets[0] };
	return 0;
}

bool netsetup_standby_listen(struct netsetup *standby)
{
	struct error ignored;
	union record record;

	if (protocol_receive(standby->socket, &record, NULL, &ignored) < 0)
		return false;
	if (record.header.type == RECORD_STANDBY)
		standby->pid = record.standby.pid;
	return true;
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

/* What a helper that ended without an answer died of. */
static int ended_early(const struct netsetup *netsetup, struct error *err)
{
	enum exit_status status = STATUS_FAILURE;
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)netsetup->pid, &info, WEXITED | WNOWAIT) == 0 &&
	    info.si_code == CLD_EXITED) {
		if (info.si_status > NOT_RUN)
			return error_set_errno(err, info.si_status - NOT_RUN,
					       "cannot run '" HELPER "'");
		/* It has said why itself, where there is no socket to say it through. */
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

static int ask(struct netsetup *netsetup, const void *request, const int *fds,
	       unsigned int fd_count, struct error *err)
{
	int ret;

	netsetup->asked = netsetup->owes = true;
	ret = protocol_send(netsetup->socket, request, fds, fd_count, err);
	return ret == -EPIPE ? ended_early(netsetup, err) : ret;
}

/* Waits for the answer to a request; @taps gets as many descriptors as the answer says. */
static int await(struct netsetup *netsetup, const struct netsetup_listener *listener,
		 struct ready_record *ready, int taps[QUEUES_MAX], struct error *err)
{
	union record record;
	int ret;

	for (;;) {
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
		/* The first word of one that was a spare. */
		if (record.header.type == RECORD_STANDBY) {
			netsetup->pid = record.standby.pid;
			continue;
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
	return ask(netsetup, setup, NULL, 0, err);
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
	ret = ask(netsetup, &adopt, lan->tap_fds, count_fds(lan->tap_fds), err);
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
	ret = ask(netsetup, &clean, NULL, 0, err);
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
	case RECORD_STANDBY:
		break;
	}
	return error_setf(err, STATUS_FAILURE, EPROTO, "unexpected record of '" HELPER "'");
}

int netsetup_answer(struct netsetup *netsetup, const struct dhcp_record *answer, struct error *err)
{
	return protocol_send(netsetup->socket, answer, NULL, 0, err);
}

/*
 * Waits for the end of a helper that died, or is about to end: another one must find nothing of it.
 * The kernel may tell of its closed socket before it has let go of its lease.
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
	 * End-of-file for the helper; what it still says while it undoes its work can be read. An answer
	 * that nobody has awaited comes first, with the tap.
	 */
	ret = shutdown(netsetup->socket, SHUT_WR);
	while (ret == 0 && protocol_receive(netsetup->socket, &record, fds, &ignored) == 0) {
		close_fds(fds);
		if (record.header.type == RECORD_CHANGE && listener->change)
			listener->change(record.change.text, listener->context);
		/* The empty one; the answer is not yet the end. */
		if (record.header.type == RECORD_READY && !record.ready.tap[0])
			netsetup->owes = false;
		if (record.header.type == RECORD_STANDBY)
			netsetup->pid = record.standby.pid;
	}
	close(netsetup->socket);
	netsetup->socket = -1;
	/*
	 * At the end of the records nothing more is undone. The helper itself may live some 20 ms
	 * longer, for what the kernel does when a packet socket is closed; whoever waits for it then is
	 * its new parent. One that was not asked for anything has no such socket, and the caller may
	 * live on for long.
	 */
	if (netsetup->owes && netsetup->pid > 0)
		wait_end(netsetup->pid);
	else if (netsetup->pid > 0)
		waitpid(netsetup->pid, NULL, netsetup->asked ? WNOHANG : 0);
	return !netsetup->owes;
}

void netsetup_lan_done(struct netsetup_lan *lan)
{
	close_fds(lan->tap_fds);
}
