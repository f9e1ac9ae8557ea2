// SPDX-License-Identifier: GPL-2.0-or-later
// Forks the standby helper, which takes over when the active helper dies.
#include "netsetup/session/standby.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ids.h"

/* Time from the end of a process's sockets to its own end. */
#define EXIT_WAIT_MS 100

void standby_init(struct standby *standby)
{
	for (int fd = 0; fd < STANDBY_DESCRIPTORS_MAX; fd++)
		standby->inherited[fd] = fcntl(fd, F_GETFD) >= 0;
	standby->pidfd = -1;
}

bool standby_socket_valid(const int fds[QUEUES_MAX])
{
	int domain = 0, type = 0;
	socklen_t size = sizeof(int);

	return fds[0] >= 0 && fds[1] < 0 &&
	       getsockopt(fds[0], SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &type, &size) == 0 && domain == AF_UNIX &&
	       type == SOCK_SEQPACKET;
}

/*
 * Makes a child of the launcher, like its maker: the launcher gets its exit status, and need not
 * care which helper came first. The raw call skips fork()'s handlers; one thread needs none.
 */
static pid_t fork_sibling(int *pidfd)
{
#ifdef __s390x__
	return (pid_t)syscall(SYS_clone, NULL, STANDBY_CLONE_FLAGS, pidfd, NULL, 0);
#else
	return (pid_t)syscall(SYS_clone, STANDBY_CLONE_FLAGS, NULL, pidfd, NULL, 0);
#endif
}

/* In the standby: moves its socket to PROTOCOL_FD, and closes its maker's later descriptors. */
static bool take_socket(const struct standby *standby, int socket)
{
	for (int fd = 0; fd < STANDBY_DESCRIPTORS_MAX; fd++)
		if (!standby->inherited[fd] && fd != socket)
			close(fd);
	close(PROTOCOL_FD);
	if (fcntl(socket, F_DUPFD_CLOEXEC, PROTOCOL_FD) != PROTOCOL_FD)
		return false;
	close(socket);
	/* As in main.c: a non-blocking socket would end the helper at once. */
	fcntl(PROTOCOL_FD, F_SETFL, 0);
	return true;
}

static void run_standby(const struct standby *standby, int socket, const struct setup_record *setup,
			void (*begin)(const struct vm_identity *vm))
{
	struct standby_record record;
	struct vm_identity vm;
	struct error ignored;

	if (!take_socket(standby, socket))
		_exit(STATUS_FAILURE);
	memcpy(vm.name, setup->name, sizeof(vm.name));
	memcpy(vm.uuid, setup->uuid, sizeof(vm.uuid));
	protocol_record_init(&record, RECORD_STANDBY);
	record.pid = getpid();
	protocol_send(PROTOCOL_FD, &record, NULL, 0, &ignored);
	begin(&vm);
}

/* Returns true if the standby lives; a dying one gets a moment. */
static bool alive(const struct standby *standby)
{
	struct pollfd poller = { .fd = standby->pidfd, .events = POLLIN };

	return standby->pidfd >= 0 && poll(&poller, 1, EXIT_WAIT_MS) <= 0;
}

void standby_make(struct standby *standby, int socket, const struct setup_record *setup,
		  void (*begin)(const struct vm_identity *vm))
{
	int pidfd = -1;
	pid_t pid;

	if (alive(standby))
		return;
	standby_done(standby);
	pid = fork_sibling(&pidfd);
	if (pid == 0)
		run_standby(standby, socket, setup, begin);
	if (pid > 0)
		standby->pidfd = pidfd;
}

void standby_done(struct standby *standby)
{
	if (standby->pidfd >= 0)
		close(standby->pidfd);
	standby->pidfd = -1;
}
