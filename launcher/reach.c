// SPDX-License-Identifier: GPL-2.0-or-later
// Waits until a guest answers on a TCP port.
#include "launcher/reach.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/signals.h"
#include "netsetup/cleanup.h"
#include "netsetup/ipv4.h"

/* A guest that boots drops what comes before it listens: it is asked anew so often. */
#define TRY_MS   1000
#define PAUSE_MS 250

/* One try. Returns 1 when it is accepted, 0 when not yet, or a negative errno. */
static int try_once(struct in_addr address, unsigned int port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons((uint16_t)port),
					.sin_addr = address };
	struct pollfd poller = { .events = POLLOUT };
	cleanup_fd int fd = -1;
	socklen_t size = sizeof(int);
	int code = 0;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return 1;
	poller.fd = fd;
	if (errno != EINPROGRESS || poll(&poller, 1, TRY_MS) <= 0)
		return 0;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) == 0 && code == 0;
}

int reach_port(struct in_addr address, unsigned int port, const int *alive, struct error *err)
{
	cleanup_fd int signals = signals_open(err);
	char text[IPV4_TEXT_SIZE];
	int rc;

	if (signals < 0)
		return signals;
	while ((rc = try_once(address, port)) == 0) {
		struct pollfd pollers[] = { { .fd = signals, .events = POLLIN },
					    { .fd = alive ? *alive : -1, .events = POLLIN } };

		if (poll(pollers, ARRAY_SIZE(pollers), PAUSE_MS) < 0 && errno != EINTR)
			return error_set(err, errno, "cannot wait");
		if (pollers[1].revents)
			return error_say(err, STATUS_FAILURE, ECONNRESET, "the VM has ended");
		if (pollers[0].revents && signals_read(signals, NULL) != SIGWINCH)
			return error_say(err, STATUS_FAILURE, EINTR, "given up");
	}
	if (rc < 0)
		return error_set(err, -rc, "cannot reach %s", ipv4_text(address, text));
	return 0;
}
