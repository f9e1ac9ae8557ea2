// SPDX-License-Identifier: GPL-2.0-or-later
// The commands for VMs that run: list, status, stop, pause, resume, console, ssh, log.
#include "launcher/commands/vm_commands.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/commands/attach.h"
#include "launcher/commands/output.h"
#include "launcher/commands/running.h"
#include "launcher/common/log.h"
#include "launcher/common/privilege.h"
#include "launcher/common/signals.h"
#include "launcher/common/terminal.h"
#include "launcher/common/unix_socket.h"
#include "launcher/common/xdg.h"
#include "launcher/definition/machine.h"
#include "launcher/definition/type_port.h"
#include "launcher/guest/guest_agent.h"
#include "launcher/guest/ssh.h"
#include "launcher/run/control.h"
#include "launcher/run/wait_ssh.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"
#include "netsetup/base/ipv4.h"

int manage_list(const struct options *options, struct error *err)
{
	struct json_object *list;

	if (privilege_drop(err) < 0 || running_list(&list, err) < 0)
		return err->status;
	if (options->json)
		describe_json(list);
	else if (json_object_array_length(list) > 0)
		describe_list(list);
	else
		log_notice("no VM is running");
	json_object_put(list);
	return STATUS_OK;
}

/* A connection to the guest's agent when there is one that listens, else -1. */
static int connect_agent(const char *name, struct json_object *status)
{
	cleanup_free char *directory = NULL;
	struct json_object *connected;
	struct error ignored;

	if (!json_object_object_get_ex(status, "agent-connected", &connected) ||
	    !json_object_get_boolean(connected) ||
	    running_directory(name, &directory, &ignored) < 0)
		return -1;
	return local_connect(directory, AGENT_SOCKET, &ignored);
}

/* What the guest says of itself is not known when it does not say it soon. */
static void ask_agent(const char *name, struct json_object *status)
{
	cleanup_fd int fd = connect_agent(name, status);
	struct json_object *facts = NULL;
	struct error why;

	if (fd >= 0 && agent_facts(fd, AGENT_MS, &facts, &why) < 0)
		log_notice("%s: %s", name, why.message);
	json_object_object_add(status, "agent", facts);
}

int manage_status(const struct options *options, struct error *err)
{
	struct json_object *status;

	if (privilege_drop(err) < 0 || running_status(options->files[0], &status, err) < 0)
		return err->status;
	if (json_object_object_get_ex(status, "agent-connected", NULL))
		ask_agent(options->files[0], status);
	if (options->json)
		describe_json(status);
	else
		describe_status(status);
	json_object_put(status);
	return STATUS_OK;
}

/* The VM goes on to stop: only nobody waits for it any more. */
static int interrupted(const char *name, int signo, struct error *err)
{
	log_notice("%s: still stopping", name);
	memset(err, 0, sizeof(*err));
	err->code = EINTR;
	err->status = (enum exit_status)(STATUS_SIGNAL + signo);
	return -EINTR;
}

/* The connection ends with vmrun, when the host is as before. */
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
				return error_set(err, errno, "cannot wait for the VM");
			continue;
		}
		if (!polled[0].revents)
			return interrupted(name, signals_pending(), err);
		got = recv(socket, &byte, sizeof(byte), MSG_DONTWAIT);
	} while (got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN)));
	return got < 0 && errno != ECONNRESET ? error_set(err, errno, "cannot wait for the VM") : 0;
}

/* Beside the power button, which some guests do not hear. */
static void power_off(const char *name)
{
	struct json_object *status = NULL;
	struct error ignored;
	int fd;

	if (running_status(name, &status, &ignored) < 0)
		return;
	fd = connect_agent(name, status);
	json_object_put(status);
	if (fd < 0)
		return;
	agent_power_off(fd, AGENT_MS, &ignored);
	close(fd);
}

int manage_stop(const struct options *options, struct error *err)
{
	struct json_object *request = json_object_new_object();
	struct json_object *reply = NULL;
	cleanup_free char *directory = NULL;
	cleanup_fd int socket = -1;
	int rc;

	json_object_object_add(request, "request", json_object_new_string("stop"));
	json_object_object_add(request, "now", json_object_new_boolean(options->now));
	json_object_object_add(request, "timeout", json_object_new_int(options->timeout));
	rc = privilege_drop(err);
	if (rc == 0)
		rc = running_directory(options->files[0], &directory, err);
	if (rc == 0)
		rc = control_ask(directory, request, &socket, &reply, err);
	if (rc == -ENOENT || rc == -ECONNREFUSED)
		rc = running_not(options->files[0], err);
	if (rc == 0 && !options->now)
		power_off(options->files[0]);
	if (rc == 0)
		rc = wait_for_end(options->files[0], socket, err);
	json_object_put(request);
	json_object_put(reply);
	return rc < 0 ? (int)err->status : STATUS_OK;
}

static bool is_paused(struct json_object *status)
{
	return !strcmp(describe_text(status, "state"), "paused");
}

/*
 * Whether it came about: a pause at once; a guest that goes on may stand still again when its next
 * write fails, too.
 */
static int wait_for_pause(const char *name, bool paused, struct error *err)
{
	const struct timespec step = { .tv_nsec = 50000000 };
	struct json_object *status = NULL;
	int rc = 0;

	for (int i = 0; i < 10 && rc == 0 && !(paused && status && is_paused(status)); i++) {
		nanosleep(&step, NULL);
		json_object_put(status);
		status = NULL;
		rc = running_status(name, &status, err);
	}
	if (rc == 0 && is_paused(status) != paused) {
		rc = paused ? error_say(err, STATUS_FAILURE, EIO, "VM '%s' is %s", name,
					describe_text(status, "state"))
			    : error_say(err, STATUS_FAILURE, EIO, "VM '%s' is paused again: %s",
					name, describe_text(status, "state-reason"));
	}
	json_object_put(status);
	return rc;
}

int manage_pause(const struct options *options, bool paused, struct error *err)
{
	struct json_object *request = json_object_new_object();
	struct json_object *reply = NULL;
	cleanup_free char *directory = NULL;
	const char *name = options->files[0];
	int rc;

	json_object_object_add(request, "request",
			       json_object_new_string(paused ? "pause" : "resume"));
	rc = privilege_drop(err);
	if (rc == 0)
		rc = running_directory(name, &directory, err);
	if (rc == 0)
		rc = control_ask(directory, request, NULL, &reply, err);
	if (rc == -ENOENT || rc == -ECONNREFUSED)
		rc = running_not(name, err);
	if (rc == 0 && json_object_object_get_ex(reply, "error", NULL))
		rc = error_say(err, STATUS_FAILURE, EBUSY, "%s", describe_text(reply, "error"));
	if (rc == 0)
		rc = wait_for_pause(name, paused, err);
	json_object_put(request);
	json_object_put(reply);
	return rc < 0 ? (int)err->status : STATUS_OK;
}

int manage_console(const struct options *options, struct error *err)
{
	cleanup_free char *directory = NULL;
	struct json_object *status = NULL;
	int rc;

	rc = privilege_drop(err);
	if (rc == 0)
		rc = running_status(options->files[0], &status, err);
	if (rc == 0)
		rc = running_directory(options->files[0], &directory, err);
	if (rc == 0 && strcmp(describe_text(status, "console"), "socket") != 0) {
		rc = error_say(err, STATUS_FAILURE, ENOTCONN, "VM '%s' has its console on %s",
			       options->files[0], describe_text(status, "console"));
		error_remedy(err, "give it 'console: socket', or start it with --detach");
	}
	json_object_put(status);
	if (rc == 0)
		rc = attach_console(directory, err);
	return rc < 0 ? (int)err->status : STATUS_OK;
}

/* The guest's own address, or a port of this host that leads there. */
static int find_ssh(const char *name, struct json_object *status, struct sockaddr_in *ssh,
		    struct error *err)
{
	struct json_object *ports = NULL;
	struct port port;

	*ssh = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(MACHINE_SSH_PORT) };
	if (ipv4_parse(describe_text(status, "address"), &ssh->sin_addr))
		return 0;
	json_object_object_get_ex(status, "ports", &ports);
	for (size_t i = 0; ports && i < json_object_array_length(ports); i++)
		if (port_parse(json_object_get_string(json_object_array_get_idx(ports, i)),
			       &port) &&
		    port_ssh(&port, ssh))
			return 0;
	error_say(err, STATUS_FAILURE, EADDRNOTAVAIL, "VM '%s' has no address", name);
	if (ports)
		error_remedy(err,
			     "have a port of this host lead to its port %u: "
			     "network: {type: user, ports: [\"2222:22\"]}",
			     MACHINE_SSH_PORT);
	return -EADDRNOTAVAIL;
}

int manage_ssh(const struct options *options, struct error *err)
{
	struct json_object *status = NULL;
	struct sockaddr_in ssh;
	int rc;

	rc = privilege_drop(err);
	if (rc == 0)
		rc = running_status(options->files[0], &status, err);
	if (rc == 0)
		rc = find_ssh(options->files[0], status, &ssh, err);
	if (rc == 0)
		rc = reach_ssh(&ssh, NULL, err);
	if (rc == 0)
		rc = secureshell_exec(options->files[0], &ssh, status, options->files + 1,
				      options->file_count - 1, err);
	json_object_put(status);
	return rc < 0 ? (int)err->status : STATUS_OK;
}

int manage_log(const struct options *options, struct error *err)
{
	cleanup_free char *directory = NULL;
	cleanup_free char *path = NULL;
	cleanup_file FILE *file = NULL;
	const bool mute = isatty(STDOUT_FILENO);
	cleanup_free char *line = NULL;
	size_t room = 0;
	ssize_t size;

	if (!vm_name_valid(options->files[0]))
		return running_not(options->files[0], err), STATUS_USAGE;
	if (privilege_drop(err) < 0 || xdg_dir(XDG_STATE, options->files[0], &directory, err) < 0)
		return err->status;
	if (asprintf(&path, "%s/log", directory) < 0) {
		path = NULL;
		error_set(err, ENOMEM, "cannot read the log");
		return err->status;
	}
	file = fopen(path, "re");
	if (!file && errno == ENOENT) {
		error_say(err, STATUS_FAILURE, ENOENT, "VM '%s' has no log", options->files[0]);
		error_remedy(err, "one that runs with --detach or 'console: socket' has");
		return err->status;
	}
	if (!file)
		return error_set(err, errno, "cannot open '%s'", path), err->status;
	while ((size = getline(&line, &room, file)) > 0)
		fwrite(line, 1, mute ? terminal_mute(line, (size_t)size) : (size_t)size, stdout);
	return STATUS_OK;
}
