// SPDX-License-Identifier: GPL-2.0-or-later
// Gives root, and users of sudo, access to the system's VMs.
#include "launcher/commands/vm_prepare.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/commands/vm_list.h"
#include "launcher/common/options.h"
#include "launcher/common/privilege.h"
#include "launcher/run/launch.h"
#include "launcher/run/system_vms.h"
#include "netsetup/base/cleanup.h"

/*
 * Theory of operation: the system's VMs belong to a user of their own, whose sockets and files no
 * other user can open. Root becomes this user, as it otherwise becomes the user of sudo(8). So
 * nothing that this user owns is opened with root's rights, and nothing that the caller names is
 * opened with the rights of both.
 */

/* Makes xdg_dir() return the directories that the unit has. */
static void set_environment(void)
{
	setenv("XDG_RUNTIME_DIR", SYSTEM_VMS_RUNTIME_DIR, 1);
}

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

	if (geteuid() != 0 || !system_vms_running(name) || caller_has(name))
		return;
	launch->become = system_vms_owner();
	set_environment();
}

/* Runs in a child, which ends with it. */
static void write_list(uid_t uid, int fd)
{
	struct json_object *list;
	struct error ignored;

	set_environment();
	if (privilege_become(uid, &ignored) == 0 && vm_list_all(&list, &ignored) == 0)
		dprintf(fd, "%s", json_object_to_json_string(list));
	_exit(0);
}

void vm_prepare_list(const struct options *options, struct launch *launch)
{
	const uid_t uid = geteuid() == 0 ? system_vms_owner() : 0;
	int fds[2];

	if (uid == 0 || pipe2(fds, O_CLOEXEC) < 0)
		return;
	if (fork() == 0)
		write_list(uid, fds[1]);
	close(fds[1]);
	launch->system_list = fds[0];
}
