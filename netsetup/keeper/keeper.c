// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps the service's descriptors in a place that outlives it.
#include "netsetup/keeper/keeper.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/fd_pass.h"

/* Reads a variable that must have a number of 0..@max; untouched if there is no such variable. */
static int read_number(const char *variable, long max, long *number, struct error *err)
{
	const char *text = getenv(variable);
	char *end = NULL;
	long value;

	if (!text)
		return 0;
	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < 0 || value > max)
		return error_setf(err, STATUS_USAGE, EINVAL, "%s is not a number of 0..%ld",
				  variable, max);
	*number = value;
	return 0;
}

/* Copies the next name of LISTEN_FDNAMES; an empty one if it is missing or not valid. */
static void take_name(const char **names, char name[KEEPER_NAME_SIZE])
{
	const size_t length = strcspn(*names, ":");

	name[0] = '\0';
	if (length < KEEPER_NAME_SIZE) {
		memcpy(name, *names, length);
		name[length] = '\0';
	}
	if (!keeper_name_valid(name))
		name[0] = '\0';
	*names += length + ((*names)[length] == ':');
}

/* Receives what sd_listen_fds(3) describes. Without LISTEN_PID it is for another process. */
static int receive_fds(struct kept_fd *fds, size_t max, size_t *count, struct error *err)
{
	const char *names = getenv("LISTEN_FDNAMES");
	long pid = 0, number = 0;
	int ret;

	ret = read_number("LISTEN_PID", 1L << 22, &pid, err);
	if (ret == 0)
		ret = read_number("LISTEN_FDS", KEEPER_FDS_MAX + 16, &number, err);
	if (ret < 0 || pid != getpid() || number == 0)
		return ret;
	names = names ? names : "";
	for (*count = 0; *count < max && *count < (size_t)number; (*count)++) {
		fds[*count].fd = KEEPER_LISTEN_FDS_START + (int)*count;
		take_name(&names, fds[*count].name);
		if (fcntl(fds[*count].fd, F_SETFD, FD_CLOEXEC) < 0)
			return error_set_errno(err, errno, "cannot receive descriptor %d",
					       fds[*count].fd);
	}
	if ((size_t)number > max)
		close_range(KEEPER_LISTEN_FDS_START + (unsigned int)max,
			    KEEPER_LISTEN_FDS_START + (unsigned int)number - 1, 0);
	return 0;
}

/* Connects to a datagram socket of the file system ("/...") or of the abstract names ("@..."). */
static int connect_to(const char *name, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const size_t length = strlen(name);
	cleanup_fd int fd = -1;

	if ((name[0] != '/' && name[0] != '@') || !name[1] || length >= sizeof(address.sun_path))
		return error_setf(err, STATUS_USAGE, EINVAL,
				  "NOTIFY_SOCKET is no address of a Unix socket");
	memcpy(address.sun_path, name, length);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		return error_set_errno(err, errno, "cannot connect to the service manager");
	return take_fd(&fd);
}

/* Returns the socket to the supervisor, or to systemd, or -1 if there is neither, in *@socket. */
static int find_keeper(int *socket, struct error *err)
{
	const char *notify = getenv("NOTIFY_SOCKET");
	long inherited = -1;
	int ret;

	*socket = -1;
	ret = read_number(KEEPER_VARIABLE, INT32_MAX, &inherited, err);
	if (ret < 0)
		return ret;
	if (inherited >= 0) {
		if (fcntl((int)inherited, F_SETFD, FD_CLOEXEC) < 0)
			return error_set_errno(err, errno, "cannot use the supervisor's socket");
		*socket = (int)inherited;
	} else if (notify) {
		ret = connect_to(notify, err);
		if (ret >= 0)
			*socket = ret;
	}
	return ret < 0 ? ret : 0;
}

int keeper_open(struct keeper *keeper, struct kept_fd *fds, size_t max, size_t *count,
		struct error *err)
{
	static const char *const variables[] = { "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
						 "NOTIFY_SOCKET", KEEPER_VARIABLE };
	int ret;

	*count = 0;
	keeper->socket = -1;
	ret = receive_fds(fds, max, count, err);
	if (ret == 0)
		ret = find_keeper(&keeper->socket, err);
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		unsetenv(variables[i]);
	return ret;
}

/*
 * Sends assignments, with a descriptor unless @fd is -1. MSG_DONTWAIT: a service manager that does
 * not read must not stop the service. A supervisor that was killed is no error: the service goes on
 * without it.
 */
static int notify(const struct keeper *keeper, const char *text, int fd)
{
	int ret = 0;

	if (keeper->socket >= 0)
		ret = fd_pass_send(keeper->socket, text, strlen(text), &fd, fd >= 0 ? 1 : 0,
				   MSG_DONTWAIT);
	return ret == -ECONNREFUSED || ret == -ECONNRESET || ret == -ENOTCONN || ret == -EPIPE
		       ? 0
		       : ret;
}

void keeper_ready(const struct keeper *keeper)
{
	notify(keeper, "READY=1", -1);
}

/*
 * FDPOLL=0: by default systemd drops a descriptor as soon as its peer hangs up (sd_notify(3)). Then
 * the next service would not learn that the client of a VM has gone while no service ran. So every
 * stored descriptor stays until keeper_remove(), and its end-of-file is read by the service.
 */
int keeper_store(const struct keeper *keeper, const char *name, int fd, struct error *err)
{
	char text[64 + KEEPER_NAME_SIZE];
	int ret;

	assert(keeper_name_valid(name) && fd >= 0);
	snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
	ret = notify(keeper, text, fd);
	return ret < 0 ? error_set_errno(err, -ret, "cannot store descriptor '%s'", name) : 0;
}

void keeper_remove(const struct keeper *keeper, const char *name)
{
	char text[64 + KEEPER_NAME_SIZE];

	assert(keeper_name_valid(name));
	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	notify(keeper, text, -1);
}
