// SPDX-License-Identifier: GPL-2.0-or-later
// Waits until a guest's SSH server answers.
#include "launcher/run/wait_ssh.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/common/log.h"
#include "launcher/common/signals.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

/* A guest that boots may drop packets before its server listens: each try has short timeouts. */
#define TRY_MS    1000
#define ANSWER_MS 5000
#define RETRY_MS  250

static bool connected(int fd, const struct sockaddr_in *to)
{
	struct pollfd poller = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(int);
	int code = 0;

	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0)
		return true;
	if (errno != EINPROGRESS || poll(&poller, 1, TRY_MS) <= 0)
		return false;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) == 0 && code == 0;
}

/* One try. Returns 1 if the server has sent a byte, 0 if not yet, or a negative errno. */
static int try_once(const struct sockaddr_in *to)
{
	struct pollfd poller = { .events = POLLIN };
	cleanup_fd int fd = -1;
	char byte;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	poller.fd = fd;
	return connected(fd, to) && poll(&poller, 1, ANSWER_MS) > 0 && recv(fd, &byte, 1, 0) == 1;
}

int wait_ssh(const struct sockaddr_in *ssh, const int *alive, struct error *err)
{
	cleanup_fd int signals = signals_open(err);
	char text[IPV4_TEXT_SIZE];
	bool printed = false;
	int signo = 0;
	int ret;

	if (signals < 0)
		return signals;
	while ((ret = try_once(ssh)) == 0) {
		struct pollfd pollers[] = { { .fd = signals, .events = POLLIN },
					    { .fd = alive ? *alive : -1, .events = POLLIN } };

		if (!printed)
			log_notice("waiting for the SSH server at %s; Ctrl-C ends the wait",
				   ipv4_text(ssh->sin_addr, text));
		printed = true;
		if (poll(pollers, ARRAY_SIZE(pollers), RETRY_MS) < 0 && errno != EINTR)
			return error_set_errno(err, errno, "cannot wait");
		if (pollers[1].revents)
			return error_setf(err, STATUS_FAILURE, ECONNRESET, "the VM has ended");
		signo = pollers[0].revents ? signals_read(signals, NULL) : 0;
		if (signo && signo != SIGWINCH) {
			error_setf(err, (enum exit_status)(STATUS_SIGNAL + signo), EINTR,
				   "the SSH server at %s does not answer yet",
				   ipv4_text(ssh->sin_addr, text));
			error_remedy(err, "the VM keeps running; look at its console or its log");
			return -EINTR;
		}
	}
	if (ret < 0)
		return error_set_errno(err, -ret, "cannot reach %s",
				       ipv4_text(ssh->sin_addr, text));
	return 0;
}
