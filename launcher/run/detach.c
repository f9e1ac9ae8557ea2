// SPDX-License-Identifier: GPL-2.0-or-later
// Moves a run into the background once it is on the LAN.
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
#include "netsetup/base/cleanup.h"

/* Gives the child its own session, /dev/null as input, and the pipe as output and error. */
static int leave_terminal(int output, struct error *err)
{
	cleanup_fd int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0 || setsid() < 0)
		return error_set_errno(err, errno, "cannot go into the background");
	return 0;
}

/* Returns the exit status of a child that ended before it was ready; the parent's is the same. */
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

/* Forwards a part of the child's output; false if there is none now. */
static bool forward(int from, int to)
{
	char bytes[4096];
	ssize_t size = read(from, bytes, sizeof(bytes));

	/* Bytes that cannot be written are lost: no descriptor is left for an error message. */
	return size > 0 && write(to, bytes, (size_t)size) > 0;
}

/*
 * Waits in the parent until the child is ready (true) or has ended (false). The terminal sends no
 * signals to the child: the parent forwards those that end programs, perhaps during a download, and
 * returns the last of them in @signo.
 */
static bool wait_ready(pid_t child, int child_end, int output, struct detach_ready *ready,
		       int *signo)
{
	struct error ignored;
	cleanup_fd int signals = signals_open_ends(&ignored);
	struct pollfd pollers[] = { { .fd = child_end, .events = POLLIN },
				    { .fd = output, .events = POLLIN },
				    { .fd = signals, .events = POLLIN } };

	while (!pollers[0].revents) {
		if (poll(pollers, ARRAY_SIZE(pollers), -1) < 0 && errno != EINTR)
			return false;
		if (pollers[2].revents && (*signo = signals_read(signals, NULL)))
			kill(child, *signo);
		if (pollers[1].revents)
			forward(output, STDERR_FILENO);
	}
	while (forward(output, STDERR_FILENO))
		;
	if (read(child_end, ready, sizeof(*ready)) != sizeof(*ready))
		return false;
	/* From this byte on the child writes its output to the log. */
	return send(child_end, "", 1, MSG_NOSIGNAL) == 1;
}

/*
 * Runs the parent. Returns the exit status, which is never 0 after a signal: a child that was about
 * to be ready powers its guest off.
 */
static int run_parent(pid_t child, int child_end, int output, struct detach_ready *ready)
{
	int signo = 0;
	int status;

	if (wait_ready(child, child_end, output, ready, &signo) && !signo)
		return STATUS_OK;
	status = child_status(child);
	return status || !signo ? status : STATUS_SIGNAL + signo;
}

static void close_pair(const int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

int detach_start(struct detach *detach, enum wait_for wait, int *status, struct error *err)
{
	struct detach_ready ready = { 0 };
	int ends[2], output[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set_errno(err, errno, "cannot go into the background");
	if (pipe2(output, O_CLOEXEC) < 0 || fcntl(output[0], F_SETFL, O_NONBLOCK) < 0) {
		close_pair(ends);
		return error_set_errno(err, errno, "cannot go into the background");
	}
	fflush(NULL);
	child = fork();
	if (child != 0) {
		close(ends[1]);
		close(output[1]);
		if (child > 0)
			*status = run_parent(child, ends[0], output[0], &ready);
		else
			error_set_errno(err, errno, "cannot go into the background");
		close(ends[0]);
		close(output[0]);
		if (child < 0)
			return -err->code;
		if (*status || wait != WAIT_SSH || !ready.ssh.sin_port)
			return 1;
		detach->ready = ready;
		return 0;
	}
	close(ends[0]);
	*detach = (struct detach){ .parent = ends[1],
				   .output = output[0],
				   .terminal = isatty(STDERR_FILENO) };
	return leave_terminal(output[1], err);
}

static void on_output(int fd, uint32_t events, void *context)
{
	const struct detach *detach = context;
	char bytes[4096];
	ssize_t size = read(fd, bytes, sizeof(bytes));

	if (size > 0)
		log_ring_write(detach->log, bytes, (size_t)size);
}

/* The parent has printed all output before the VM was ready, or has ended. */
static void on_parent(int fd, uint32_t events, void *context)
{
	struct detach *detach = context;
	struct error ignored;

	loop_remove(detach->loop, fd);
	loop_add(detach->loop, detach->output, EPOLLIN, on_output, detach, &ignored);
}

void detach_report(struct detach *detach, const struct detach_ready *ready, struct log_ring *log,
		   struct loop *loop)
{
	struct error ignored;

	if (detach->parent < 0)
		return;
	fflush(NULL);
	detach->log = log;
	detach->loop = loop;
	/* This fails if the parent was killed, which is no error. */
	send(detach->parent, ready, sizeof(*ready), MSG_NOSIGNAL);
	loop_add(loop, detach->parent, EPOLLIN, on_parent, detach, &ignored);
}
