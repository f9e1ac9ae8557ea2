// SPDX-License-Identifier: GPL-2.0-or-later
// Holds the descriptors that QEMU inherits and vmrun's ends of them.
#include "launcher/run/qemu_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "launcher/common/log.h"
#include "launcher/common/unix_socket.h"
#include "launcher/guest/guest_agent.h"
#include "netsetup/base/cleanup.h"

void qemu_fds_add(struct qemu_fds *qemu_fds, int source, int target)
{
	qemu_fds->fds[qemu_fds->fd_count++] = (struct process_fd){ source, target };
}

void qemu_fds_close(struct qemu_fds *qemu_fds)
{
	while (qemu_fds->fd_count > 0)
		close(qemu_fds->fds[--qemu_fds->fd_count].source);
}

bool qemu_fds_add_vhost(struct qemu_fds *qemu_fds, unsigned int card, unsigned int queues)
{
	int fds[QUEUES_MAX];
	unsigned int count;

	for (count = 0; count < queues; count++) {
		fds[count] = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
		if (fds[count] < 0)
			break;
	}
	if (count < queues) {
		while (count > 0)
			close(fds[--count]);
		return false;
	}
	for (unsigned int i = 0; i < count; i++)
		qemu_fds_add(qemu_fds, fds[i], qemu_fd_vhost(card) + (int)i);
	return true;
}

static int open_qmp(struct qemu_fds *qemu_fds, struct error *err)
{
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_set_errno(err, errno, "cannot make a socket for QMP");
	qemu_fds->qmp = sockets[0];
	qemu_fds_add(qemu_fds, sockets[1], QEMU_FD_QMP);
	return 0;
}

static int open_privates(struct qemu_fds *qemu_fds, const struct definition *definition,
			 struct loop *loop, struct error *err)
{
	const struct network *network;
	int card;

	for (unsigned int i = 0; (network = definition_network(definition, i)); i++) {
		if (network->type != NETWORK_PRIVATE)
			continue;
		qemu_fds->privates[i] = private_network_open(network->name, definition->name, loop,
							     &card, err);
		if (!qemu_fds->privates[i])
			return -err->code;
		qemu_fds_add(qemu_fds, card, QEMU_FD_PRIVATE + (int)i);
	}
	return 0;
}

static int open_agent(struct qemu_fds *qemu_fds, const char *directory, struct error *err)
{
	const int listener = unix_socket_listen(directory, GUEST_AGENT_SOCKET, err);

	if (listener < 0)
		return listener;
	qemu_fds_add(qemu_fds, listener, QEMU_FD_AGENT);
	return 0;
}

int qemu_fds_open(struct qemu_fds *qemu_fds, const struct machine_plan *plan, const char *directory,
		  bool logged, struct loop *loop, struct error *err)
{
	const bool is_socket = plan->console == CONSOLE_SOCKET;
	const char *name = plan->definition->name;
	struct error why;
	int console;

	if (open_qmp(qemu_fds, err) < 0 || open_privates(qemu_fds, plan->definition, loop, err) < 0)
		return -err->code;
	if (plan->definition->guest_agent && open_agent(qemu_fds, directory, err) < 0)
		return -err->code;
	/* A user without a home directory has a console but no log. */
	if (is_socket || logged) {
		qemu_fds->log = log_ring_open(name, &why);
		if (!qemu_fds->log)
			log_notice("%s: no log: %s", name, why.message);
	}
	if (!is_socket)
		return 0;
	qemu_fds->console = console_open(loop, directory, qemu_fds->log, &console, err);
	if (!qemu_fds->console)
		return -err->code;
	qemu_fds_add(qemu_fds, console, QEMU_FD_CONSOLE);
	return 0;
}

void qemu_fds_done(struct qemu_fds *qemu_fds)
{
	qemu_fds_close(qemu_fds);
	console_close(qemu_fds->console);
	for (int i = 0; i < NETWORKS_MAX; i++)
		private_network_close(qemu_fds->privates[i]);
	cleanup_fd_done(&qemu_fds->qmp);
	log_ring_close(qemu_fds->log);
	*qemu_fds = (struct qemu_fds)QEMU_FDS_NONE;
}
