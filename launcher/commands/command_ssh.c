// SPDX-License-Identifier: GPL-2.0-or-later
// Logs in to the guest of a VM with ssh(1).
#include "launcher/commands/command_ssh.h"

#include <errno.h>
#include <json-c/json.h>

#include "launcher/commands/output.h"
#include "launcher/commands/vm_list.h"
#include "launcher/common/options.h"
#include "launcher/definition/machine.h"
#include "launcher/definition/type_port.h"
#include "launcher/guest/ssh.h"
#include "launcher/run/wait_ssh.h"
#include "netsetup/base/ipv4.h"

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
	if (ports)
		error_remedy(err,
			     "forward a port of this host to its port %u: "
			     "network: {type: user, ports: [\"2222:22\"]}",
			     MACHINE_SSH_PORT);
	return -EADDRNOTAVAIL;
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
		ret = wait_ssh(&ssh, NULL, err);
	if (ret == 0)
		ret = ssh_exec(options->vm, &ssh, status, options->files + 1,
			       options->file_count - 1, err);
	json_object_put(status);
	return ret < 0 ? (int)err->status : STATUS_OK;
}
