// SPDX-License-Identifier: GPL-2.0-or-later
// Reads standard input to its end.
#include "launcher/common/input.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/common/signals.h"
#include "netsetup/base/cleanup.h"

/* Waits for input. Signals are blocked, so that read(2) would not return for one. */
static int input_wait(int signals, struct error *err)
{
	struct pollfd polled[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};

	while (poll(polled, ARRAY_SIZE(polled), -1) < 0)
		if (errno != EINTR)
			return error_set_errno(err, errno, "cannot wait for standard input");
	if (!polled[1].revents)
		return 0;
	memset(err, 0, sizeof(*err));
	err->code = EINTR;
	err->status = (enum exit_status)(STATUS_SIGNAL + signals_pending());
	return -EINTR;
}

int input_read(size_t max, char **data, size_t *size, struct error *err)
{
	cleanup_fd int signals = signals_open_ends(err);
	cleanup_free char *bytes = malloc(max);
	size_t used = 0;
	ssize_t got;

	if (signals < 0)
		return signals;
	if (!bytes)
		return error_set_errno(err, ENOMEM, "cannot read standard input");
	do {
		int ret = input_wait(signals, err);

		if (ret < 0)
			return ret;
		got = read(STDIN_FILENO, bytes + used, max - used);
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return error_set_errno(err, errno, "cannot read standard input");
		used += got > 0 ? (size_t)got : 0;
	} while (got != 0 && used < max);
	*data = take_ptr(&bytes);
	*size = used;
	return 0;
}
