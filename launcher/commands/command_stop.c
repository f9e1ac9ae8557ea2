// SPDX-License-Identifier: GPL-2.0-or-later
// Stops a VM and waits until its run has cleaned up.
#include "launcher/commands/command_stop.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/common/signals.h"
#include "launcher/guest/guest_agent.h"
#include "launcher/run/vm_list.h"
#include "netsetup/base/cleanup.h"

/* Ends the wait; the VM continues to stop. */
static int stop_waiting(const char *name, int signo, struct error *err)
{
	log_notice("%s: still stopping", name);
	memset(err, 0, sizeof(*err));
	err->code = EINTR;
	err->status = (enum exit_status)(STATUS_SIGNAL + signo);
	return -EINTR;
}

/* Waits for the end of the connection: vmrun closes it when it has cleaned up. */
static int wait_for_end(const char *name, int socket, struct error *err)
{
	cleanup_fd int signals = signals_open_ends(err);
	struct pollfd polled[] = {
		{ .fd = socket, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	ssize_t got = -1;
	char byte;

	if (signals < 0)
		return signals;
	do {
		if (poll(polled, ARRAY_SIZE(polled), -1) < 0) {
			if (errno != EINTR)
				return error_set_errno(err, errno, "cannot wait for the VM");
			continue;
		}
		if (!polled[0].revents)
			return stop_waiting(name, signals_pending(), err);
		got = recv(socket, &byte, sizeof(byte), MSG_DONTWAIT);
	} while (got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN)));
	return got < 0 && errno != ECONNRESET
		       ? error_set_errno(err, errno, "cannot wait for the VM")
		       : 0;
}

/* Sends a request to the agent, because some guests ignore the power button. */
static void request_power_off(const char *name)
{
	struct json_object *status = NULL;
	struct error ignored;
	int fd;

	if (vm_list_status(name, &status, &ignored) < 0)
		return;
	fd = vm_list_connect_agent(name, status);
	json_object_put(status);
	if (fd < 0)
		return;
	guest_agent_power_off(fd, GUEST_AGENT_MS, &ignored);
	close(fd);
}

int command_stop(const struct options *options, struct launch *launch, struct error *err)
{
	struct json_object *request = json_object_new_object();
	struct json_object *reply = NULL;
	cleanup_fd int socket = -1;
	int ret;

	json_object_object_add(request, "request", json_object_new_string("stop"));
	json_object_object_add(request, "now", json_object_new_boolean(options->now));
	json_object_object_add(request, "timeout", json_object_new_int(options->timeout));
	ret = vm_list_ask(options->vm, request, &socket, &reply, err);
	if (ret == 0)
		log_notice("%s: waiting for %s", options->vm,
			   options->now ? "QEMU to quit" : "the guest to power off");
	if (ret == 0 && !options->now)
		request_power_off(options->vm);
	if (ret == 0)
		ret = wait_for_end(options->vm, socket, err);
	json_object_put(request);
	json_object_put(reply);
	return ret < 0 ? (int)err->status : STATUS_OK;
}
