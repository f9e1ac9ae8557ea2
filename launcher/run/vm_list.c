// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the user's running VMs and sends requests to their control sockets.
#include "launcher/run/vm_list.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "launcher/common/unix_socket.h"
#include "launcher/common/xdg.h"
#include "launcher/guest/guest_agent.h"
#include "launcher/run/control.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"

int vm_list_not_running(const char *name, struct error *err)
{
	error_setf(err, STATUS_FAILURE, ESRCH, "VM '%s' is not running", name);
	error_remedy(err, "see 'vmrun list'");
	return -ESRCH;
}

int vm_list_directory(const char *name, char **directory, struct error *err)
{
	if (!vm_name_valid(name))
		return error_setf(err, STATUS_USAGE, EINVAL,
				  "a VM's name has a-z, 0-9 and '-', at most 63 of them");
	return xdg_dir(XDG_RUNTIME, name, directory, err);
}

int vm_list_ask(const char *name, struct json_object *request, int *socket,
		struct json_object **reply, struct error *err)
{
	cleanup_free char *directory = NULL;
	int ret;

	ret = vm_list_directory(name, &directory, err);
	if (ret == 0)
		ret = control_ask(directory, request, socket, reply, err);
	if (ret == -ENOENT || ret == -ECONNREFUSED)
		return vm_list_not_running(name, err);
	return ret;
}

int vm_list_status(const char *name, struct json_object **status, struct error *err)
{
	struct json_object *request = json_object_new_object();
	int ret;

	json_object_object_add(request, "request", json_object_new_string("status"));
	ret = vm_list_ask(name, request, NULL, status, err);
	json_object_put(request);
	return ret;
}

int vm_list_connect_agent(const char *name, struct json_object *status)
{
	cleanup_free char *directory = NULL;
	struct json_object *connected;
	struct error ignored;

	if (!json_object_object_get_ex(status, "agent-connected", &connected) ||
	    !json_object_get_boolean(connected) ||
	    vm_list_directory(name, &directory, &ignored) < 0)
		return -1;
	return unix_socket_connect(directory, GUEST_AGENT_SOCKET, &ignored);
}

int vm_list_open_process(const char *name)
{
	struct json_object *status = NULL;
	struct json_object *pid;
	struct error ignored;
	int fd = -1;

	if (vm_list_status(name, &status, &ignored) == 0 &&
	    json_object_object_get_ex(status, "pid", &pid))
		fd = pidfd_open(json_object_get_int(pid), 0);
	json_object_put(status);
	return fd;
}

static int is_vm(const struct dirent *entry)
{
	return vm_name_valid(entry->d_name);
}

int vm_list_all(struct json_object **list, struct error *err)
{
	cleanup_free char *top = NULL;
	struct dirent **entries = NULL;
	int count;
	int ret;

	ret = xdg_dir(XDG_RUNTIME, NULL, &top, err);
	if (ret < 0)
		return ret;
	*list = json_object_new_array();
	count = scandir(top, &entries, is_vm, alphasort);
	for (int i = 0; i < count; i++) {
		struct json_object *status;
		struct error ignored;

		if (vm_list_status(entries[i]->d_name, &status, &ignored) == 0)
			json_object_array_add(*list, status);
		free(entries[i]);
	}
	free(entries);
	return 0;
}
