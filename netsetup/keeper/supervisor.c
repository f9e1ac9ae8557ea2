// SPDX-License-Identifier: GPL-2.0-or-later
// Starts the service, keeps its descriptors, and starts it again when it dies.
#include "netsetup/keeper/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/clock.h"
#include "netsetup/confine/capabilities.h"
#include "netsetup/keeper/child.h"
#include "netsetup/keeper/fd_store.h"
#include "netsetup/keeper/inherited.h"

/*
 * Theory of operation: the supervisor starts the service, to which it has a socket pair, and the
 * service's maker. It keeps the two capabilities that these need, because a process cannot give
 * more than it has. It has no seccomp filter and no Landlock rules: both last over execve(), so
 * they would have to permit what the service needs before it confines itself. It reads nothing but
 * short messages of the service (fd_store.c) and signals. If it is killed, the service goes on
 * without it.
 */

#define PROGRAM    "/proc/self/exe"
#define DEATHS_MAX 5
#define DEATHS_MS  10000

/* Wait before the service starts again after an error of its start, which may have passed then. */
#define RETRY_MS 1000

/* A child that cannot execute the service exits with NOT_RUN plus the errno value. */
#define NOT_RUN 100

/**
 * struct supervisor - the state of this process.
 * @argv: the service's arguments.
 * @store: descriptors that the service has stored.
 * @signals: signalfd.
 * @sockets: this process's end, and the one that each service gets.
 * @pid: the service; 0 while it does not run.
 * @stop: true if a signal was passed on, after which the service is not started again.
 * @deaths: times of the last deaths, in ms.
 * @death_count: number of all deaths.
 */
struct supervisor {
	char *const *argv;
	struct fd_store store;
	int signals;
	int sockets[2];
	pid_t pid;
	bool stop;
	uint64_t deaths[DEATHS_MAX];
	unsigned int death_count;
};

static struct supervisor supervisor;

/* The environment of the service, which has nothing else in it. */
static char listen_pid[32], listen_fds[32], keeper_fd[32];
static char listen_names[sizeof("LISTEN_FDNAMES=") + (KEEPER_FDS_MAX * KEEPER_NAME_SIZE)];

static void write_environment(const struct fd_store *store, int keeper)
{
	size_t used = (size_t)snprintf(listen_names, sizeof(listen_names), "LISTEN_FDNAMES=");

	for (size_t i = 0; i < store->count; i++)
		used += (size_t)snprintf(listen_names + used, sizeof(listen_names) - used, "%s%s",
					 i ? ":" : "", store->fds[i].name);
	snprintf(listen_pid, sizeof(listen_pid), "LISTEN_PID=%d", getpid());
	snprintf(listen_fds, sizeof(listen_fds), "LISTEN_FDS=%zu", store->count);
	snprintf(keeper_fd, sizeof(keeper_fd), KEEPER_VARIABLE "=%d", keeper);
}

/* Moves @fd to @target, which stays open over execve(). */
static void place(int fd, int target)
{
	if (dup2(fd, target) < 0)
		_exit(NOT_RUN + errno);
}

/* Replaces this process by the service, with all stored descriptors; @keeper may be -1. */
__attribute__((noreturn)) static void execute(struct fd_store *store, int keeper,
					      char *const argv[])
{
	char *const environment[] = { listen_pid, listen_fds, listen_names,
				      keeper < 0 ? NULL : keeper_fd, NULL };
	const int start = KEEPER_LISTEN_FDS_START, count = (int)store->count;
	sigset_t none;

	/* All descriptors move above the targets first, so that none is overwritten. */
	for (int i = 0; i < count; i++)
		store->fds[i].fd = fcntl(store->fds[i].fd, F_DUPFD_CLOEXEC, start + count + 1);
	if (keeper >= 0)
		keeper = fcntl(keeper, F_DUPFD_CLOEXEC, start + count + 1);
	for (int i = 0; i < count; i++)
		place(store->fds[i].fd, start + i);
	if (keeper >= 0)
		place(keeper, start + count);
	write_environment(store, start + count);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(PROGRAM, argv, environment);
	_exit(NOT_RUN + errno);
}

/*
 * Starts the maker beside the service, which needs it next: so both load at once. Without it, the
 * service starts its own. A descriptor that the last service has stored under the name is no maker.
 */
static void start_maker(struct supervisor *self)
{
	struct error ignored;
	int socket;

	fd_store_remove(&self->store, KEEPER_MAKER);
	socket = child_start("--maker", &ignored);
	if (socket >= 0)
		fd_store_add(&self->store, KEEPER_MAKER, socket);
}

/* Its own session keeps the signals of a terminal from the service. */
static int start_service(struct supervisor *self, struct error *err)
{
	pid_t pid;

	start_maker(self);
	pid = fork();
	if (pid != 0)
		fd_store_remove(&self->store, KEEPER_MAKER);
	if (pid < 0)
		return error_set_errno(err, errno, "cannot start the service");
	if (pid == 0) {
		setsid();
		execute(&self->store, self->sockets[1], self->argv);
	}
	self->pid = pid;
	/* The service stores it under the VM's name. */
	fd_store_remove(&self->store, KEEPER_FIRST);
	return 0;
}

static void pass_signals(struct supervisor *self)
{
	struct signalfd_siginfo info;

	while (read(self->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		self->stop = true;
		if (self->pid > 0)
			kill(self->pid, (int)info.ssi_signo);
	}
}

/* Waits for makers that have ended, which end with their service, and for the service. */
static void reap(struct supervisor *self, int *status)
{
	int ended;
	pid_t pid;

	while ((pid = waitpid(-1, &ended, WNOHANG)) > 0) {
		if (pid != self->pid)
			continue;
		self->pid = 0;
		*status = ended;
	}
}

/* Serves the service until its death; returns its wait status. */
static int await_death(struct supervisor *self)
{
	struct pollfd pollers[] = { { .fd = self->signals, .events = POLLIN },
				    { .fd = self->sockets[0], .events = POLLIN } };
	int status = 0;

	for (reap(self, &status); self->pid; reap(self, &status)) {
		poll(pollers, ARRAY_SIZE(pollers), -1);
		fd_store_receive(&self->store, self->sockets[0]);
		pass_signals(self);
	}
	/* Its last messages, and signals that now concern the next service. */
	fd_store_receive(&self->store, self->sockets[0]);
	pass_signals(self);
	return status;
}

/* Returns true if the service has died DEATHS_MAX times before within DEATHS_MS. */
static bool died_too_often(struct supervisor *self)
{
	uint64_t *oldest = &self->deaths[self->death_count++ % DEATHS_MAX];
	const uint64_t now = monotonic_ms();
	const bool often = self->death_count > DEATHS_MAX && now - *oldest < DEATHS_MS;

	*oldest = now;
	return often;
}

/* Waits before the service is started again; meanwhile the kernel forwards its VMs' packets. */
static void pause_start(struct supervisor *self)
{
	struct pollfd poller = { .fd = self->signals, .events = POLLIN };

	poll(&poller, 1, RETRY_MS);
	pass_signals(self);
}

/*
 * Returns true if an error of the service's start counts as a death: the first start must succeed,
 * but a later one may fail for a moment, for example for lack of memory, and has VMs to serve.
 */
static bool may_retry(const struct supervisor *self)
{
	return self->death_count > 0 && self->store.count > 0;
}

/* Returns true if the service has ended for good. */
static bool is_end(const struct supervisor *self, int status)
{
	if (self->stop || !WIFEXITED(status))
		return self->stop;
	return WEXITSTATUS(status) == STATUS_OK ||
	       (WEXITSTATUS(status) <= STATUS_NETWORK && !may_retry(self));
}

static int supervise(struct supervisor *self, struct error *err)
{
	int status;

	for (;;) {
		if (start_service(self, err) == 0)
			status = await_death(self);
		else if (!may_retry(self))
			return (int)err->status;
		else
			status = W_EXITCODE(STATUS_FAILURE, 0);
		if (is_end(self, status))
			return WIFEXITED(status) ? WEXITSTATUS(status)
						 : STATUS_SIGNAL + WTERMSIG(status);
		if (died_too_often(self))
			break;
		if (WIFEXITED(status) && WEXITSTATUS(status) <= STATUS_NETWORK)
			pause_start(self);
		if (self->stop)
			return STATUS_OK;
	}
	error_setf(err, STATUS_FAILURE, ECHILD, "the service died %d times within %d s: %s %d",
		   DEATHS_MAX + 1, DEATHS_MS / 1000, WIFEXITED(status) ? "exit status" : "signal",
		   WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return STATUS_FAILURE;
}

static int open_sockets(struct supervisor *self, struct error *err)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	self->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (self->signals < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, self->sockets) < 0)
		return error_set_errno(err, errno, "cannot start the supervisor");
	return 0;
}

/* Returns the group of the socket that the service makes; root's if there is no such group. */
static gid_t listen_group(void)
{
	const struct group *group = getgrnam(SUPERVISOR_GROUP);

	return group ? group->gr_gid : 0;
}

int supervisor_run(int first, char *const argv[], struct error *err)
{
	supervisor = (struct supervisor){ .argv = argv };
	if (inherited_reset(first, err) < 0)
		return (int)err->status;
	if (first >= 0)
		fd_store_add(&supervisor.store, KEEPER_FIRST, first);
	/* Without root's rights the service only reports what it would do. */
	if (geteuid() != 0)
		execute(&supervisor.store, -1, argv);
	/* With a first client there is no terminal to stop the supervisor from. */
	if (first >= 0)
		setsid();
	if (capabilities_limit(first < 0 ? listen_group() : 0, err) < 0 ||
	    open_sockets(&supervisor, err) < 0)
		return (int)err->status;
	return supervise(&supervisor, err);
}
