// SPDX-License-Identifier: GPL-2.0-or-later
// A run that goes on in the background once the VM is on the LAN.
#include "launcher/run/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/common/signals.h"
#include "launcher/run/wait_ssh.h"
#include "netsetup/base/cleanup.h"

/* In the child: no terminal is its own any more, and what it writes can be had by both of us. */
static int leave_terminal(int output, struct error *err)
{
	cleanup_fd int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0 || setsid() < 0)
		return error_set_errno(err, errno, "cannot go into the background");
	return 0;
}

/* The child has ended without having been ready: as it ended, so do we. */
static int child_status(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return STATUS_FAILURE;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return STATUS_SIGNAL + WTERMSIG(status);
}

/* Takes what there is of the child's output; false when there is none now. */
static bool pass_on(int from, int to)
{
	char bytes[4096];
	ssize_t size = read(from, bytes, sizeof(bytes));

	/* What cannot be written is lost: there is nobody left to tell. */
	return size > 0 && write(to, bytes, (size_t)size) > 0;
}

/*
 * In the parent, until the child is ready or has ended. Returns whether it is ready. The child is
 * not at the terminal: a signal that wants an end, perhaps of a long download, is passed on to it.
 */
static bool wait_ready(pid_t child, int child_end, int output, struct sockaddr_in *ssh)
{
	struct error ignored;
	cleanup_fd int signals = signals_open_ends(&ignored);
	struct pollfd pollers[] = { { .fd = child_end, .events = POLLIN },
				    { .fd = output, .events = POLLIN },
				    { .fd = signals, .events = POLLIN } };

	while (!pollers[0].revents) {
		if (poll(pollers, ARRAY_SIZE(pollers), -1) < 0 && errno != EINTR)
			return false;
		if (pollers[2].revents)
			kill(child, signals_read(signals, NULL));
		if (pollers[1].revents)
			pass_on(output, STDERR_FILENO);
	}
	while (pass_on(output, STDERR_FILENO))
		;
	if (read(child_end, ssh, sizeof(*ssh)) != sizeof(*ssh))
		return false;
	/* What is written from now on is the log's. */
	return send(child_end, "", 1, MSG_NOSIGNAL) == 1;
}

/* The parent's whole life. Returns the exit status. */
static int be_parent(pid_t child, const int *child_end, int output, enum wait_for wait,
		     struct error *err)
{
	struct sockaddr_in ssh = { 0 };

	if (!wait_ready(child, *child_end, output, &ssh))
		return child_status(child);
	if (wait == WAIT_SSH && ssh.sin_port && wait_ssh(&ssh, child_end, err) < 0)
		return err->status;
	return STATUS_OK;
}

static void close_both(const int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

int detach_start(struct detach *detach, enum wait_for wait, int *status, struct error *err)
{
	int ready[2], output[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ready) < 0)
		return error_set_errno(err, errno, "cannot go into the background");
	if (pipe2(output, O_CLOEXEC) < 0 || fcntl(output[0], F_SETFL, O_NONBLOCK) < 0) {
		close_both(ready);
		return error_set_errno(err, errno, "cannot go into the background");
	}
	fflush(NULL);
	child = fork();
	if (child != 0) {
		close(ready[1]);
		close(output[1]);
		if (child > 0)
			*status = be_parent(child, &ready[0], output[0], wait, err);
		else
			error_set_errno(err, errno, "cannot go into the background");
		close(ready[0]);
		close(output[0]);
		return child > 0 ? 1 : -err->code;
	}
	close(ready[0]);
	*detach = (struct detach){ .parent = ready[1], .output = output[0], .log = -1 };
	return leave_terminal(output[1], err);
}

static void on_output(int fd, uint32_t events, void *context)
{
	const struct detach *detach = context;

	pass_on(fd, detach->log);
}

/* The parent has read all that was the user's, or is no more. */
static void on_parent(int fd, uint32_t events, void *context)
{
	struct detach *detach = context;
	struct error ignored;

	loop_remove(detach->loop, fd);
	loop_add(detach->loop, detach->output, EPOLLIN, on_output, detach, &ignored);
}

void detach_ready(struct detach *detach, const struct sockaddr_in *ssh, int log, struct loop *loop)
{
	struct error ignored;

	if (detach->parent < 0)
		return;
	fflush(NULL);
	detach->log = log;
	detach->loop = loop;
	/* Who was killed meanwhile does not need it. */
	send(detach->parent, ssh, sizeof(*ssh), MSG_NOSIGNAL);
	loop_add(loop, detach->parent, EPOLLIN, on_parent, detach, &ignored);
}
