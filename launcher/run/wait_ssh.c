// SPDX-License-Identifier: GPL-2.0-or-later
// Waits until a guest's SSH server answers.
#include "launcher/run/wait_ssh.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/common/log.h"
#include "launcher/common/signals.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/clock.h"
#include "netsetup/base/ipv4.h"

/* A guest that boots may drop packets before its server listens: each try has short timeouts. */
#define CONNECT_MS 1000
#define SILENT_MS  5000
#define RETRY_MS   250

/* A server may need long for its first bytes. The oldest connection is closed for a new one. */
#define CONNECTIONS 8

/* Reasons beside errno values. */
#define CODE_SILENT EAGAIN
#define CODE_CLOSED ECONNRESET

/* Indices of struct tries.polled. */
enum {
	POLL_SIGNALS,
	POLL_VM,
	POLL_FIRST,
	POLL_END = POLL_FIRST + CONNECTIONS
};

/**
 * struct tries - the connections of one wait.
 * @newest: index of the last connection; its descriptor is -1 after a failure.
 * @since: monotonic_ms() of its start.
 * @code: errno value of the last failure.
 */
struct tries {
	struct pollfd polled[POLL_END];
	unsigned int newest;
	uint64_t since;
	int code;
};

static void close_try(struct tries *tries, unsigned int index, int code)
{
	cleanup_fd_done(&tries->polled[index].fd);
	tries->polled[index].fd = -1;
	tries->code = code;
}

static int start_try(struct tries *tries, const struct sockaddr_in *to)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (++tries->newest == POLL_END)
		tries->newest = POLL_FIRST;
	cleanup_fd_done(&tries->polled[tries->newest].fd);
	tries->polled[tries->newest] = (struct pollfd){ .fd = fd, .events = POLLIN };
	tries->since = monotonic_ms();
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 && errno != EINPROGRESS)
		close_try(tries, tries->newest, errno);
	return 0;
}

static bool is_connected(int fd)
{
	struct pollfd poller = { .fd = fd, .events = POLLOUT };

	return poll(&poller, 1, 0) > 0 && !(poller.revents & (POLLERR | POLLHUP));
}

/* True if it is time for another connection. */
static bool is_due(struct tries *tries)
{
	const uint64_t passed = monotonic_ms() - tries->since;
	const int fd = tries->polled[tries->newest].fd;

	if (fd < 0)
		return passed >= RETRY_MS;
	if (is_connected(fd)) {
		tries->code = CODE_SILENT;
		return passed >= SILENT_MS;
	}
	if (passed >= CONNECT_MS)
		close_try(tries, tries->newest, ETIMEDOUT);
	return passed >= CONNECT_MS;
}

/* True if a server has sent its first bytes; closes the connections that have failed. */
static bool is_answered(struct tries *tries)
{
	char byte;

	for (unsigned int i = POLL_FIRST; i < POLL_END; i++) {
		const struct pollfd *polled = &tries->polled[i];
		ssize_t size;

		if (polled->fd < 0 || !polled->revents)
			continue;
		size = recv(polled->fd, &byte, sizeof(byte), 0);
		if (size > 0)
			return true;
		if (size == 0 || (errno != EAGAIN && errno != EINTR))
			close_try(tries, i, size == 0 ? CODE_CLOSED : errno);
	}
	return false;
}

static const char *reason_text(int code)
{
	switch (code) {
	case ECONNREFUSED:
		return "connection refused: no SSH server yet";
	case CODE_SILENT:
		return "connected, but the server is silent";
	case CODE_CLOSED:
		return "connection closed: no SSH server yet";
	case 0:
	case ETIMEDOUT:
	case EHOSTUNREACH:
		return "no answer";
	default:
		return strerror(code);
	}
}

static int fail(const struct wait_ssh *wait, enum exit_status status, int errno_code, int reason,
		struct error *err)
{
	char text[IPV4_TEXT_SIZE];

	error_setf(err, status, errno_code, "the SSH server at %s does not answer yet: %s",
		   ipv4_text(wait->ssh.sin_addr, text), reason_text(reason));
	error_remedy(err, "the VM keeps running; look at its console or its log");
	return -errno_code;
}

/* Returns 0 to go on. */
static int check_end(const struct wait_ssh *wait, const struct tries *tries, struct error *err)
{
	int signo;

	if (tries->polled[POLL_VM].revents)
		return error_setf(err, STATUS_FAILURE, ECONNRESET, "the VM has ended");
	signo = tries->polled[POLL_SIGNALS].revents
			? signals_read(tries->polled[POLL_SIGNALS].fd, NULL)
			: 0;
	if (signo && signo != SIGWINCH)
		return fail(wait, (enum exit_status)(STATUS_SIGNAL + signo), EINTR, tries->code,
			    err);
	return 0;
}

/* Runs once a second: calls the caller's function, and ends the wait after its time. */
static int tick(const struct wait_ssh *wait, unsigned int seconds, int code, struct error *err)
{
	char text[IPV4_TEXT_SIZE];

	if (wait->timeout >= 0 && seconds >= (unsigned int)wait->timeout)
		return fail(wait, STATUS_FAILURE, ETIMEDOUT, code, err);
	if (seconds == 0)
		log_notice("waiting for the SSH server at %s; Ctrl-C ends the wait",
			   ipv4_text(wait->ssh.sin_addr, text));
	return wait->tick ? wait->tick(seconds, reason_text(code), wait->context, err) : 0;
}

static int run_tries(const struct wait_ssh *wait, struct tries *tries, struct error *err)
{
	const uint64_t began = monotonic_ms();
	unsigned int ticks = 0;
	int ret;

	for (;;) {
		ret = is_due(tries) ? start_try(tries, &wait->ssh) : 0;
		if (ret < 0)
			return error_set_errno(err, -ret, "cannot wait for the SSH server");
		if (poll(tries->polled, POLL_END, RETRY_MS) < 0 && errno != EINTR)
			return error_set_errno(err, errno, "cannot wait for the SSH server");
		if (is_answered(tries))
			return 0;
		ret = check_end(wait, tries, err);
		if (ret == 0 && monotonic_ms() - began >= RETRY_MS + ticks * 1000)
			ret = tick(wait, ticks++, tries->code, err);
		if (ret < 0)
			return ret;
	}
}

int wait_ssh(const struct wait_ssh *wait, struct error *err)
{
	cleanup_fd int signals = signals_open(err);
	struct tries tries = { .newest = POLL_END - 1 };
	int ret;

	if (signals < 0)
		return signals;
	for (unsigned int i = 0; i < POLL_END; i++)
		tries.polled[i].fd = -1;
	tries.polled[POLL_SIGNALS] = (struct pollfd){ .fd = signals, .events = POLLIN };
	tries.polled[POLL_VM] = (struct pollfd){ .fd = wait->vm, .events = POLLIN };
	ret = run_tries(wait, &tries, err);
	for (unsigned int i = POLL_FIRST; i < POLL_END; i++)
		cleanup_fd_done(&tries.polled[i].fd);
	return ret;
}
