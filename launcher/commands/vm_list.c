// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the user's running VMs and sends requests to their control sockets.
#include "launcher/commands/vm_list.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/common/unix_socket.h"
#include "launcher/common/xdg.h"
#include "launcher/guest/guest_agent.h"
#include "launcher/run/control.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"

int running_not(const char *name, struct error *err)
{
	error_say(err, STATUS_FAILURE, ESRCH, "VM '%s' is not running", name);
	error_remedy(err, "see 'vmrun list'");
	return -ESRCH;
}

int running_directory(const char *name, char **directory, struct error *err)
{
	if (!vm_name_valid(name))
		return error_say(err, STATUS_USAGE, EINVAL,
				 "a VM's name has a-z, 0-9 and '-', at most 63 of them");
	return xdg_dir(XDG_RUNTIME, name, directory, err);
}

int vm_list_ask(const char *name, struct json_object *request, int *socket,
		struct json_object **reply, struct error *err)
{
	cleanup_free char *directory = NULL;
	int rc;

	rc = running_directory(name, &directory, err);
	if (rc == 0)
		rc = control_ask(directory, request, socket, reply, err);
	if (rc == -ENOENT || rc == -ECONNREFUSED)
		return running_not(name, err);
	return rc;
}

int running_status(const char *name, struct json_object **status, struct error *err)
{
	struct json_object *request = json_object_new_object();
	int rc;

	json_object_object_add(request, "request", json_object_new_string("status"));
	rc = vm_list_ask(name, request, NULL, status, err);
	json_object_put(request);
	return rc;
}

int vm_list_connect_agent(const char *name, struct json_object *status)
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

static int is_vm(const struct dirent *entry)
{
	return vm_name_valid(entry->d_name);
}

int running_list(struct json_object **list, struct error *err)
{
	cleanup_free char *top = NULL;
	struct dirent **entries = NULL;
	int count;
	int rc;

	rc = xdg_dir(XDG_RUNTIME, NULL, &top, err);
	if (rc < 0)
		return rc;
	*list = json_object_new_array();
	count = scandir(top, &entries, is_vm, alphasort);
	for (int i = 0; i < count; i++) {
		struct json_object *status;
		struct error ignored;

		if (running_status(entries[i]->d_name, &status, &ignored) == 0)
			json_object_array_add(*list, status);
		free(entries[i]);
	}
	free(entries);
	return 0;
}
