// SPDX-License-Identifier: GPL-2.0-or-later
// What leads from vmrun to its QEMU: the descriptors that QEMU inherits, and vmrun's ends of them.
#include "launcher/run/qemu_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "launcher/common/log.h"
#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "netsetup/base/cleanup.h"

void channels_give(struct channels *channels, int source, int target)
{
	channels->fds[channels->fd_count++] = (struct process_fd){ source, target };
}

void channels_given(struct channels *channels)
{
	while (channels->fd_count > 0)
		close(channels->fds[--channels->fd_count].source);
}

bool channels_give_vhost(struct channels *channels, unsigned int queues)
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
		channels_give(channels, fds[i], (int)(QEMU_FD_VHOST + i));
	return true;
}

static int open_log(struct channels *channels, const char *name, struct error *err)
{
	cleanup_free char *directory = NULL;
	cleanup_free char *path = NULL;
	int rc;

	rc = xdg_dir(XDG_STATE, name, &directory, err);
	if (rc == 0)
		rc = xdg_make(directory, err);
	if (rc < 0)
		return rc;
	path = text_format("%s/log", directory);
	if (!path)
		return error_set(err, ENOMEM, "cannot open the log");
	channels->log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
			     0600);
	return channels->log < 0 ? error_set(err, errno, "cannot open '%s'", path) : 0;
}

static int open_qmp(struct channels *channels, struct error *err)
{
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_set(err, errno, "cannot make a socket for QMP");
	channels->qmp = sockets[0];
	channels_give(channels, sockets[1], QEMU_FD_QMP);
	return 0;
}

int channels_open(struct channels *channels, const struct machine_plan *plan, const char *directory,
		  bool logged, struct loop *loop, struct error *err)
{
	const bool is_socket = plan->console == CONSOLE_SOCKET;
	const char *name = plan->definition->name;
	struct error why;
	int console;

	if (open_qmp(channels, err) < 0)
		return -err->code;
	/* A user without a home has a console all the same. */
	if ((is_socket || logged) && open_log(channels, name, &why) < 0)
		log_notice("%s: no log: %s", name, why.message);
	if (!is_socket)
		return 0;
	channels->hub = hub_open(loop, directory, channels->log, &console, err);
	if (!channels->hub)
		return -err->code;
	channels_give(channels, console, QEMU_FD_CONSOLE);
	return 0;
}

void channels_done(struct channels *channels)
{
	channels_given(channels);
	hub_close(channels->hub);
	cleanup_fd_done(&channels->qmp);
	cleanup_fd_done(&channels->log);
	*channels = (struct channels)CHANNELS_NONE;
}
