// SPDX-License-Identifier: GPL-2.0-or-later
// Starts the processes that the service needs.
#include "netsetup/keeper/child.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for a message to the worker for each VM, since a restart sends them at once. */
#define CHILD_ROOM (1 << 20)

__attribute__((noreturn)) static void run(const char *argument, int socket)
{
	char *const argv[] = { (char *)"vmrun-netsetup", (char *)argument, NULL };
	char *const envp[] = { NULL };

	if ((socket == CHILD_FD || dup2(socket, CHILD_FD) == CHILD_FD) &&
	    close_range(CHILD_FD + 1, ~0U, 0) == 0)
		execve("/proc/self/exe", argv, envp);
	_exit(STATUS_FAILURE);
}

int child_start(const char *argument, struct error *err)
{
	const int room = CHILD_ROOM;
	int sockets[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_set_errno(err, errno, "cannot make a socket for '%s'", argument);
	if (setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
		(void)setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	pid = fork();
	if (pid == 0)
		run(argument, sockets[1]);
	close(sockets[1]);
	if (pid > 0)
		return sockets[0];
	error_set_errno(err, errno, "cannot start 'vmrun-netsetup %s'", argument);
	close(sockets[0]);
	return -err->code;
}
