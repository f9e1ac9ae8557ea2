// SPDX-License-Identifier: GPL-2.0-or-later
// Makes and uses the Unix sockets in a VM's runtime directory.
#include "launcher/common/unix_socket.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

#define BACKLOG 8

/* A process that accepts no connection in this time is stuck or busy. */
#define CONNECT_SECONDS 3
#define CONNECT_TRIES   3

static int unix_socket_address(const char *directory, const char *name, struct sockaddr_un *address,
			       struct error *err)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s", directory, name) >=
	    (int)sizeof(address->sun_path))
		return error_set_errno(err, ENAMETOOLONG, "cannot use socket '%s/%s'", directory,
				       name);
	return 0;
}

/* Opens a socket and fills the address that it will listen at or connect to. */
static int open_socket(const char *directory, const char *name, int flags,
		       struct sockaddr_un *address, struct error *err)
{
	int ret = unix_socket_address(directory, name, address, err);

	if (ret < 0)
		return ret;
	ret = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	return ret < 0 ? error_set_errno(err, errno, "cannot make a socket") : ret;
}

int unix_socket_listen(const char *directory, const char *name, struct error *err)
{
	struct sockaddr_un address;
	cleanup_fd int fd = open_socket(directory, name, SOCK_NONBLOCK, &address, err);

	if (fd < 0)
		return fd;
	unlink(address.sun_path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0)
		return error_set_errno(err, errno, "cannot listen at '%s'", address.sun_path);
	return take_fd(&fd);
}

/* Waits a limited time for room in the listener's queue, which a stuck process leaves full. */
static int connect_in_time(int fd, const struct sockaddr_un *address)
{
	const struct timeval timeout = { .tv_sec = CONNECT_SECONDS };
	const struct timeval none = { 0 };

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	for (int i = 0; connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0; i++)
		/* With a timeout, a job-control stop or the host's suspend interrupts connect. */
		if (errno != EINTR || i + 1 >= CONNECT_TRIES)
			return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof(none));
	return 0;
}

int unix_socket_connect(const char *directory, const char *name, struct error *err)
{
	struct sockaddr_un address;
	cleanup_fd int fd = open_socket(directory, name, 0, &address, err);
	int ret;

	if (fd < 0)
		return fd;
	ret = connect_in_time(fd, &address);
	if (ret == -EAGAIN)
		return error_setf(err, STATUS_FAILURE, ETIMEDOUT,
				  "cannot connect to '%s': too many clients wait there",
				  address.sun_path);
	if (ret)
		return error_set_errno(err, -ret, "cannot connect to '%s'", address.sun_path);
	return take_fd(&fd);
}

int unix_socket_accept(int listener)
{
	cleanup_fd int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -1;
	return peer.uid == geteuid() || peer.uid == 0 ? take_fd(&fd) : -1;
}
