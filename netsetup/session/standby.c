// SPDX-License-Identifier: GPL-2.0-or-later
// The helper that takes over when the one that has a VM's place dies, made by that one.
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

/* From the end of a process's sockets to its own. */
#define DYING_MS 100

void spare_init(struct spare *spare)
{
	for (int fd = 0; fd < SPARE_DESCRIPTORS_MAX; fd++)
		spare->inherited[fd] = fcntl(fd, F_GETFD) >= 0;
	spare->pidfd = -1;
}

bool spare_socket_valid(const int fds[QUEUES_MAX])
{
	int domain = 0, type = 0;
	socklen_t size = sizeof(int);

	return fds[0] >= 0 && fds[1] < 0 &&
	       getsockopt(fds[0], SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &type, &size) == 0 && domain == AF_UNIX &&
	       type == SOCK_SEQPACKET;
}

/*
 * The child of the launcher, as its maker is, so that it is the launcher that is told its end and need
 * not care who came first. There is one thread, so nothing of fork()'s own is missed.
 */
static pid_t fork_sibling(int *pidfd)
{
#ifdef __s390x__
	return (pid_t)syscall(SYS_clone, NULL, SPARE_CLONE_FLAGS, pidfd, NULL, 0);
#else
	return (pid_t)syscall(SYS_clone, SPARE_CLONE_FLAGS, NULL, pidfd, NULL, 0);
#endif
}

/* In the spare: its socket is where a helper has it, and nothing of its maker's place is left. */
static bool settle(const struct spare *spare, int socket)
{
	for (int fd = 0; fd < SPARE_DESCRIPTORS_MAX; fd++)
		if (!spare->inherited[fd] && fd != socket)
			close(fd);
	close(PROTOCOL_FD);
	if (fcntl(socket, F_DUPFD_CLOEXEC, PROTOCOL_FD) != PROTOCOL_FD)
		return false;
	close(socket);
	/* As in main.c: one that does not wait would end us at once. */
	fcntl(PROTOCOL_FD, F_SETFL, 0);
	return true;
}

static void run_spare(const struct spare *spare, int socket, const struct setup_record *setup,
		      void (*begin)(const struct vm_identity *vm))
{
	struct spare_record hello;
	struct vm_identity vm;
	struct error ignored;

	if (!settle(spare, socket))
		_exit(STATUS_FAILURE);
	memcpy(vm.name, setup->name, sizeof(vm.name));
	memcpy(vm.uuid, setup->uuid, sizeof(vm.uuid));
	record_init(&hello, RECORD_SPARE);
	hello.pid = getpid();
	record_send(PROTOCOL_FD, &hello, NULL, 0, &ignored);
	begin(&vm);
}

/* Whether there is one; what is dying may take a moment. */
static bool alive(const struct spare *spare)
{
	struct pollfd poller = { .fd = spare->pidfd, .events = POLLIN };

	return spare->pidfd >= 0 && poll(&poller, 1, DYING_MS) <= 0;
}

void spare_make(struct spare *spare, int socket, const struct setup_record *setup,
		void (*begin)(const struct vm_identity *vm))
{
	int pidfd = -1;
	pid_t pid;

	if (alive(spare))
		return;
	spare_done(spare);
	pid = fork_sibling(&pidfd);
	if (pid == 0)
		run_spare(spare, socket, setup, begin);
	if (pid > 0)
		spare->pidfd = pidfd;
}

void spare_done(struct spare *spare)
{
	if (spare->pidfd >= 0)
		close(spare->pidfd);
	spare->pidfd = -1;
}
