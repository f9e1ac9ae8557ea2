// SPDX-License-Identifier: GPL-2.0-or-later
// Connects to a running vmrun-netsetup, or starts one as a child.
#include "netsetup/protocol/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/membership.h"
#include "netsetup/base/netns.h"
#include "netsetup/protocol/libexec.h"

#define HELPER "vmrun-netsetup"

/* Limit to wait for the exit of a child. One that lives after BUSY_MS may serve others. */
#define END_MS  5000
#define BUSY_MS 100

/* A child that cannot run the helper exits with NOT_RUN plus the errno value. */
#define NOT_RUN 100

__attribute__((noreturn)) static void cannot_run(void)
{
	_exit(NOT_RUN + errno);
}

/*
 * Runs the helper in the child. It inherits the socket as descriptor 3 and the standard descriptors
 * only. Its environment is empty. Its own session keeps the terminal's signals away.
 */
static void run_helper(const char *path, int socket)
{
	char *const argv[] = { (char *)HELPER, NULL };
	char *const envp[] = { NULL };
	int null;

	setsid();
	/* Move the socket first, because it may be a standard descriptor itself. */
	if (socket == PROTOCOL_FD)
		fcntl(socket, F_SETFD, 0);
	else if (dup2(socket, PROTOCOL_FD) < 0)
		cannot_run();
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		cannot_run();
	if (close_range(PROTOCOL_FD + 1, ~0U, 0) < 0)
		cannot_run();
	execve(path, argv, envp);
	cannot_run();
}

static int start_child(struct netsetup *netsetup, struct error *err)
{
	char path[PATH_MAX];
	int sockets[2];
	pid_t pid;
	int ret;

	ret = libexec_find(HELPER, path, err);
	if (ret < 0)
		return ret;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_set_errno(err, errno, "cannot make a socket for '" HELPER "'");
	pid = fork();
	if (pid == 0)
		run_helper(path, sockets[1]);
	ret = pid < 0 ? error_set_errno(err, errno, "cannot start '%s'", path) : 0;
	close(sockets[1]);
	if (ret < 0) {
		close(sockets[0]);
		return ret;
	}
	netsetup->pid = pid;
	netsetup->socket = sockets[0];
	return 0;
}

#define OWN_PATH_SIZE (NETNS_DIR_SIZE + sizeof(PROTOCOL_SOCKET_NAME))

/* Writes the path of the socket of a service that serves this network namespace only. */
static int own_path(char path[OWN_PATH_SIZE], struct error *err)
{
	char dir[NETNS_DIR_SIZE];
	const int ret = netns_dir(dir, err);

	if (ret == 0)
		snprintf(path, OWN_PATH_SIZE, "%s/" PROTOCOL_SOCKET_NAME, dir);
	return ret;
}

/* Returns a connected socket, or a negative errno. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

/*
 * Returns false if the listening process, which systemd is for the installed service, has another
 * network namespace. Only root can see that; the service itself refuses the others with EXDEV.
 */
static bool same_namespace(int socket)
{
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);
	struct stat theirs, ours;
	char path[32];

	getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)peer.pid);
	if (stat(path, &theirs) < 0 || stat("/proc/self/ns/net", &ours) < 0)
		return true;
	return theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev;
}

/* Returns the group that a service's socket is for; NULL if it is root's alone. */
static const struct group *group_of(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && status.st_gid != 0 ? getgrgid(status.st_gid) : NULL;
}

static int not_permitted(const char *path, struct error *err)
{
	const struct group *group = group_of(path);

	error_set_errno(err, EACCES, "cannot connect to '%s'", path);
	if (group)
		membership_add_remedy(getuid(), group->gr_name,
				      membership_recorded(getuid(), group->gr_gid), err);
	return -EACCES;
}

static int no_service(struct error *err)
{
	error_setf(err, STATUS_PERMISSION, ENOENT,
		   "cannot change the network: no service listens at '%s', and you are not root",
		   PROTOCOL_SOCKET);
	return -ENOENT;
}

/* Connects to a service of this network namespace; to the installed one only if @installed. */
static int connect_service(struct netsetup *netsetup, bool installed, struct error *err)
{
	char own[OWN_PATH_SIZE];
	const char *path = own;
	int fd, ret;

	ret = own_path(own, err);
	if (ret < 0)
		return ret;
	fd = connect_to(own);
	/* The socket of `sudo vmrun` is root's. Nobody may be there any more. */
	if (fd == -EACCES && !group_of(own))
		fd = -ENOENT;
	if (fd < 0 && fd != -EACCES && installed) {
		path = PROTOCOL_SOCKET;
		fd = connect_to(PROTOCOL_SOCKET);
		if (fd >= 0 && !same_namespace(fd)) {
			close(fd);
			fd = -EXDEV;
		}
	}
	if (fd < 0)
		return fd == -EACCES ? not_permitted(path, err) : no_service(err);
	netsetup->socket = fd;
	return 0;
}

int connection_open(struct netsetup *netsetup, bool installed, struct error *err)
{
	int ret = connect_service(netsetup, installed, err);

	if (ret < 0 && (geteuid() == 0 || netsetup->dry_run))
		ret = start_child(netsetup, err);
	return ret;
}

/* Fills an error with the reason why a helper ended without an answer. */
int connection_ended(const struct netsetup *netsetup, struct error *err)
{
	enum exit_status status = STATUS_FAILURE;
	siginfo_t info = { 0 };

	if (netsetup->pid > 0 &&
	    waitid(P_PID, (id_t)netsetup->pid, &info, WEXITED | WNOWAIT) == 0 &&
	    info.si_code == CLD_EXITED) {
		if (info.si_status > NOT_RUN)
			return error_set_errno(err, info.si_status - NOT_RUN,
					       "cannot run '" HELPER "'");
		/* A helper that fails before it has its socket prints the reason itself. */
		if (info.si_status == STATUS_PERMISSION)
			status = STATUS_PERMISSION;
	}
	return error_setf(err, status, ECONNRESET, "'" HELPER "' ended before it answered");
}

/* Waits for the end of a child; returns true if it has ended. */
static bool wait_end(int pidfd, int timeout)
{
	struct pollfd poller = { .fd = pidfd, .events = POLLIN };
	int ret;

	do
		ret = poll(&poller, 1, timeout);
	while (ret < 0 && errno == EINTR);
	return ret != 0;
}

/* Returns true if a service of this network namespace, as a child that serves others, listens. */
static bool listens(void)
{
	char path[OWN_PATH_SIZE];
	struct error ignored;

	return own_path(path, &ignored) == 0 && access(path, F_OK) == 0;
}

void connection_reap(struct netsetup *netsetup)
{
	cleanup_fd int pidfd = netsetup->pid > 0 ? pidfd_open(netsetup->pid, 0) : -1;

	if (pidfd >= 0 && !wait_end(pidfd, BUSY_MS) && !listens())
		wait_end(pidfd, END_MS);
	if (netsetup->pid > 0)
		waitpid(netsetup->pid, NULL, WNOHANG);
	netsetup->pid = 0;
}

bool connection_is_managed(const char *cgroup)
{
	static const char unit[] = ".service";
	const char *path = strstr(cgroup, "0::/");
	const size_t size = path ? strcspn(path, "\n") : 0;

	return size > strlen(unit) && !strncmp(path + size - strlen(unit), unit, strlen(unit));
}

static bool is_managed(void)
{
	cleanup_fd int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	char text[PATH_MAX + 1];
	const ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[size < 0 ? 0 : size] = '\0';
	return connection_is_managed(text);
}

void connection_release(struct netsetup *netsetup)
{
	if (is_managed()) {
		connection_reap(netsetup);
		return;
	}
	if (netsetup->pid > 0)
		waitpid(netsetup->pid, NULL, WNOHANG);
	netsetup->pid = 0;
}
