// SPDX-License-Identifier: GPL-2.0-or-later
// Checks that QEMU can listen on the ports it forwards.
#include "launcher/devices/port_forward.h"

#include <errno.h>
#include <sys/socket.h>

#include "launcher/definition/type_port.h"
#include "launcher/devices/port_user.h"
#include "netsetup/base/cleanup.h"

static int check_port(const struct port *port, struct error *err)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons(port->host),
					     .sin_addr = port->address };
	const int yes = 1;
	cleanup_fd int fd = -1;
	char text[TYPE_PORT_TEXT_SIZE], user[PORT_USER_TEXT_SIZE];
	int ret;

	fd = socket(AF_INET, (port->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot make a socket");
	/* As QEMU does: connections of the last run in TIME_WAIT are no obstacle. */
	if (!port->udp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    (port->udp || listen(fd, 1) == 0))
		return 0;
	ret = error_set_errno(err, errno, "cannot listen for 'ports' entry '%s'",
			      type_port_text(port, text));
	if (ret == -EACCES) {
		err->status = STATUS_PERMISSION;
		error_remedy(err,
			     "take a higher port, or let users have this one: "
			     "sudo sysctl net.ipv4.ip_unprivileged_port_start=%u",
			     port->host);
	}
	if (ret == -EADDRINUSE) {
		port_user_find(port, user);
		error_remedy(err, "%s has this port: end it, or take another port", user);
	}
	return ret;
}

int port_forward_check(const struct definition *definition, struct error *err)
{
	const struct network *network;
	int ret = 0;

	for (unsigned int i = 0; (network = definition_network(definition, i)) && ret == 0; i++)
		for (unsigned int k = 0; k < network->port_count && ret == 0; k++)
			ret = check_port(&network->ports[k], err);
	return ret;
}
