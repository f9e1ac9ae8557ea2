// SPDX-License-Identifier: GPL-2.0-or-later
// Gives root, and users of sudo, access to the system's VMs.
#include "launcher/commands/vm_prepare.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/commands/output.h"
#include "launcher/common/options.h"
#include "launcher/common/privilege.h"
#include "launcher/run/launch.h"
#include "launcher/run/system_vms.h"
#include "launcher/run/vm_list.h"
#include "netsetup/base/cleanup.h"

/* A stopped process cannot reply, and must not stop 'vmrun list'. */
#define REPLY_MS 5000

/*
 * Theory of operation: each of the system's VMs belongs to a user of its own, whose sockets and
 * files no other user can open. Root becomes this user, as it otherwise becomes the user of
 * sudo(8). So nothing that this user owns is opened with root's rights, and nothing that the caller
 * names is opened with the rights of both.
 */

/* Looks for the VM with the caller's rights, in a child; true if it cannot. */
static bool caller_has(const char *name)
{
	const pid_t pid = fork();
	struct error ignored;
	char *directory;
	int status;

	if (pid == 0)
		_exit(privilege_drop(true, &ignored) < 0 ||
		      vm_list_directory(name, &directory, &ignored) < 0 ||
		      access(directory, F_OK) < 0);
	return pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	       WEXITSTATUS(status) == 0;
}

void vm_prepare_name(const struct options *options, struct launch *launch)
{
	const char *name = options->file_count ? options->files[0] : "";
	cleanup_free char *directory = geteuid() == 0 ? system_vms_directory(name) : NULL;

	if (!directory || caller_has(name))
		return;
	launch->become = system_vms_owner(directory);
	setenv("XDG_RUNTIME_DIR", directory, 1);
}

/* Prints a line for each VM. Threat: a VM's user makes a socket with another VM's name. */
static void write_vms(const char *name, const char *owner, FILE *out)
{
	struct json_object *list;
	struct error ignored;

	if (vm_list_all(&list, &ignored) < 0)
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *vm = json_object_array_get_idx(list, i);

		if (name && strcmp(output_text(vm, "name"), name) != 0)
			continue;
		json_object_object_add(vm, "owner", json_object_new_string(owner));
		fprintf(out, "%s\n", json_object_to_json_string_ext(vm, JSON_C_TO_STRING_PLAIN));
	}
	fclose(out);
}

/* Queries the VMs of a directory in a child that becomes their user. */
static void list_directory(const char *directory, const char *name, void *context)
{
	const uid_t uid = system_vms_owner(directory);
	const struct passwd *user = uid ? getpwuid(uid) : NULL;
	cleanup_free char *owner = user ? strdup(user->pw_name) : NULL;
	struct pollfd end = { .fd = -1, .events = POLLIN };
	struct error ignored;
	const pid_t pid = owner ? fork() : -1;

	if (pid == 0) {
		setenv("XDG_RUNTIME_DIR", directory, 1);
		if (privilege_become(uid, &ignored) == 0)
			write_vms(name, owner, context);
		_exit(0);
	}
	if (pid < 0)
		return;
	end.fd = pidfd_open(pid, 0);
	if (end.fd < 0 || poll(&end, 1, REPLY_MS) <= 0)
		kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	cleanup_fd_done(&end.fd);
}

void vm_prepare_list(const struct options *options, struct launch *launch)
{
	int fds[2];

	if (geteuid() != 0 || pipe2(fds, O_CLOEXEC) < 0)
		return;
	if (fork() == 0) {
		FILE *out = fdopen(fds[1], "w");

		if (out)
			system_vms_each(list_directory, out);
		_exit(0);
	}
	close(fds[1]);
	launch->system_list = fds[0];
}
