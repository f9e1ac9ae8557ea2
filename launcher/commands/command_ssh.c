// SPDX-License-Identifier: GPL-2.0-or-later
// Logs in to the guest of a VM with ssh(1).
#include "launcher/commands/command_ssh.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "launcher/commands/output.h"
#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/common/terminal.h"
#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "launcher/definition/machine.h"
#include "launcher/definition/type_port.h"
#include "launcher/guest/ssh.h"
#include "launcher/run/log_ring.h"
#include "launcher/run/vm_list.h"
#include "launcher/run/wait_ssh.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

#define LINE_SIZE 512

/* Finds the guest's own address, or a port of this host that is forwarded to its SSH port. */
static int find_ssh(const char *name, struct json_object *status, struct sockaddr_in *ssh,
		    struct error *err)
{
	struct json_object *ports = NULL;
	struct port port;

	*ssh = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(MACHINE_SSH_PORT) };
	if (ipv4_parse(output_text(status, "address"), &ssh->sin_addr))
		return 0;
	json_object_object_get_ex(status, "ports", &ports);
	for (size_t i = 0; ports && i < json_object_array_length(ports); i++)
		if (type_port_parse(json_object_get_string(json_object_array_get_idx(ports, i)),
				    &port) &&
		    type_port_ssh(&port, ssh))
			return 0;
	error_setf(err, STATUS_FAILURE, EADDRNOTAVAIL, "VM '%s' has no address", name);
	if (!json_object_object_get_ex(status, "lan", NULL))
		error_remedy(err,
			     "forward a port of this host to its port %u: "
			     "network: {type: user, ports: [\"2222:22\"]}",
			     MACHINE_SSH_PORT);
	return -EADDRNOTAVAIL;
}

/**
 * struct wait - the context of a wait for the guest's server.
 * @name: the VM's.
 * @log: path of its log, or NULL.
 * @columns: width of the terminal on standard error, 0 without one.
 */
struct wait {
	const char *name;
	char *log;
	size_t columns;
};

/* Removes colours and other CSI sequences, which end in a byte from '@' to '~'. */
static void remove_colours(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		if (at[0] == '\033' && at[1] == '[')
			for (at += 2; *at && !(*at >= '@' && *at <= '~');)
				at++;
		else
			*to++ = *at;
		if (!*at)
			break;
	}
	*to = '\0';
}

/* Reads the last line of the log that is not empty; false if there is none. */
static bool last_line(const char *path, char line[LINE_SIZE])
{
	cleanup_file FILE *file = path ? fopen(path, "re") : NULL;
	char text[LINE_SIZE] = "";
	size_t size;
	char *start;

	if (!file)
		return false;
	if (fseek(file, -(long)(sizeof(text) - 1), SEEK_END) < 0)
		rewind(file);
	size = fread(text, 1, sizeof(text) - 1, file);
	text[terminal_mute(text, size)] = '\0';
	remove_colours(text);
	size = strlen(text);
	while (size > 0 && strchr("\r\n\t ", text[size - 1]))
		size--;
	text[size] = '\0';
	start = strrchr(text, '\n');
	snprintf(line, LINE_SIZE, "%s", start ? start + 1 : text);
	return line[0];
}

/* Returns the printed line, of the terminal's width; a guest's bytes are escaped. */
static char *format_line(const struct wait *wait, unsigned int seconds, const char *reason)
{
	char line[LINE_SIZE];
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "%u s: %s", seconds, reason);
	if (last_line(wait->log, line)) {
		fputs("; console: ", out);
		text_write(out, line, strlen(line));
	}
	if (fclose(out) != 0 || size < wait->columns)
		return text;
	size = wait->columns - 1;
	while (size > 0 && (text[size] & 0xc0) == 0x80)
		size--;
	text[size] = '\0';
	return text;
}

/* Overwrites the line of the last second. */
static void show_line(const struct wait *wait, unsigned int seconds, const char *reason)
{
	cleanup_free char *text = format_line(wait, seconds, reason);

	if (!text)
		return;
	log_text("\r\033[K");
	log_text(text);
}

static int tick(unsigned int seconds, const char *reason, void *context, struct error *err)
{
	const struct wait *wait = context;
	struct json_object *status = NULL;
	int ret = vm_list_status(wait->name, &status, err);

	if (ret == 0 && strcmp(output_text(status, "state"), "paused") == 0) {
		error_setf(err, STATUS_FAILURE, EBUSY, "VM '%s' is paused: %s", wait->name,
			   output_text(status, "state-reason"));
		error_remedy(err, "vmrun resume %s", wait->name);
		ret = -EBUSY;
	}
	json_object_put(status);
	if (ret == 0 && wait->columns)
		show_line(wait, seconds, reason);
	return ret;
}

int command_ssh_wait(const char *name, const struct sockaddr_in *ssh, int timeout,
		     struct error *err)
{
	cleanup_fd int vm = vm_list_open_process(name);
	cleanup_free char *directory = NULL;
	struct wait wait = { .name = name };
	const struct wait_ssh server = {
		.ssh = *ssh, .vm = vm, .timeout = timeout, .tick = tick, .context = &wait
	};
	struct error ignored;
	struct winsize size;
	int ret;

	if (vm < 0)
		return vm_list_not_running(name, err);
	if (xdg_dir(XDG_STATE, name, &directory, &ignored) == 0)
		wait.log = text_format("%s/" LOG_RING_FILE, directory);
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
		wait.columns = size.ws_col;
	ret = wait_ssh(&server, err);
	free(wait.log);
	if (wait.columns)
		log_text("\r\033[K");
	return ret;
}

int command_ssh(const struct options *options, struct launch *launch, struct error *err)
{
	struct json_object *status = NULL;
	struct sockaddr_in ssh;
	int ret;

	ret = vm_list_status(options->vm, &status, err);
	if (ret == 0)
		ret = find_ssh(options->vm, status, &ssh, err);
	if (ret == 0)
		ret = command_ssh_wait(options->vm, &ssh, options->timeout, err);
	if (ret == 0)
		ret = ssh_exec(options->vm, &ssh, status, options->files + 1,
			       options->file_count - 1, err);
	json_object_put(status);
	return ret < 0 ? (int)err->status : STATUS_OK;
}
