// SPDX-License-Identifier: GPL-2.0-or-later
// Unix sockets in a VM's runtime directory, by which the user's other commands reach it.
#include "launcher/common/unix_socket.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

#define BACKLOG 8

/* Who does not take a connection within this is stuck, or busy with another one. */
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

/* A socket that is to be at, or to lead to, that address. */
static int local_socket(const char *directory, const char *name, int flags,
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
	cleanup_fd int fd = local_socket(directory, name, SOCK_NONBLOCK, &address, err);

	if (fd < 0)
		return fd;
	unlink(address.sun_path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0)
		return error_set_errno(err, errno, "cannot listen at '%s'", address.sun_path);
	return take_fd(&fd);
}

/* Waits for room among those that are not accepted yet, which there may never be. */
static int connect_soon(int fd, const struct sockaddr_un *address)
{
	const struct timeval soon = { .tv_sec = CONNECT_SECONDS };
	const struct timeval forever = { 0 };

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
	for (int i = 0; connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0; i++)
		/* With a time limit, a stop or the host's suspend interrupts it. */
		if (errno != EINTR || i + 1 >= CONNECT_TRIES)
			return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &forever, sizeof(forever));
	return 0;
}

int unix_socket_connect(const char *directory, const char *name, struct error *err)
{
	struct sockaddr_un address;
	cleanup_fd int fd = local_socket(directory, name, 0, &address, err);
	int ret;

	if (fd < 0)
		return fd;
	ret = connect_soon(fd, &address);
	if (ret == -EAGAIN)
		return error_setf(err, STATUS_FAILURE, ETIMEDOUT,
				  "cannot connect to '%s': too many others wait there",
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
