// SPDX-License-Identifier: GPL-2.0-or-later
// Defines a check of the doctor and its finding.
#include "launcher/doctor/check.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

static int wait_answer(int socket, struct error *err)
{
	struct pollfd poller = { .fd = socket, .events = POLLIN };
	int ret;

	do
		ret = poll(&poller, 1, CHECK_ANSWER_MS);
	while (ret < 0 && errno == EINTR);
	return ret > 0 ? 0 : error_set_errno(err, ret < 0 ? errno : ETIMEDOUT, "no answer");
}

int check_request(const struct check *check, const void *request,
		  struct netsetup_listener *listener, struct error *err)
{
	struct lan_connection *connection = check->connection;
	struct netsetup further = NETSETUP_NONE;
	int ret;

	listener->wait = wait_answer;
	ret = netsetup_open_further(&connection->netsetup, connection->as_root, listener, &further,
				    err);
	if (ret == 0)
		ret = netsetup_request(&further, request, listener, err);
	netsetup_end(&further, listener);
	return ret;
}

enum severity check_finding(struct error *finding, enum severity severity, const char *format, ...)
{
	char message[ERROR_MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	error_setf(finding, STATUS_FAILURE, EIO, "%s", message);
	return severity;
}
