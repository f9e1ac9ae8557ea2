// SPDX-License-Identifier: GPL-2.0-or-later
// Runs vmrun-netsetup, the privileged helper that puts one VM on the LAN.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "netsetup/confine/capabilities.h"
#include "netsetup/confine/landlock.h"
#include "netsetup/confine/seccomp.h"
#include "netsetup/lease/lease_dir.h"
#include "netsetup/policy/authorize.h"
#include "netsetup/protocol/protocol.h"
#include "netsetup/session/session.h"

/*
 * Theory of operation: if this program is set-uid or has file capabilities, its caller chooses its
 * environment, descriptors, signals, limits and arguments, and is not trusted. Therefore main()
 * first resets all of these and then gives up every right that it does not need. Only then does it
 * read a record of the caller.
 */

/*
 * Threat: a set-uid program has the caller's environment, and libraries read it before main() runs,
 * for example libnl for debug output (NLDBG, NLCB) and paths. This function empties it before any
 * library is initialised. The dynamic linker ignores unsafe variables itself.
 */
static void clear_environment(int argc, char **argv, char **envp)
{
	envp[0] = NULL;
}

__attribute__((section(".preinit_array"),
	       used)) static void (*const run_before_libraries)(int, char **,
								char **) = clear_environment;

static void print_error(const struct error *err)
{
	fprintf(stderr, "vmrun-netsetup: %s\n", err->message);
	if (err->remedy[0])
		fprintf(stderr, "%s\n", err->remedy);
}

/* A file that is opened later must not become a standard descriptor, which gets the messages. */
static bool open_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	return true;
}

/* Returns true if PROTOCOL_FD is a connected AF_UNIX socket of type SOCK_SEQPACKET. */
static bool socket_valid(void)
{
	struct sockaddr_un peer;
	socklen_t size = sizeof(int), peer_size = sizeof(peer);
	int type = 0, domain = 0;

	return getsockopt(PROTOCOL_FD, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
	       getsockopt(PROTOCOL_FD, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       type == SOCK_SEQPACKET && domain == AF_UNIX &&
	       getpeername(PROTOCOL_FD, (struct sockaddr *)&peer, &peer_size) == 0;
}

/* Resets everything that the caller of this program chose and must not choose. */
static void reset_inherited(void)
{
	sigset_t all;

	/* Only the launcher's end-of-file ends the helper: Ctrl-C must not cut off the VM. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* The kernel discards the exit status of a child if SIGCHLD is ignored. */
	signal(SIGCHLD, SIG_DFL);
	umask(077);
	clearenv();
	close_range(PROTOCOL_FD + 1, ~0U, 0);
	fcntl(PROTOCOL_FD, F_SETFD, FD_CLOEXEC);
	/* A non-blocking socket would end the helper at once. */
	fcntl(PROTOCOL_FD, F_SETFL, 0);
	/* The caller's working directory must not keep its file system busy. */
	if (chdir("/") < 0)
		_exit(STATUS_FAILURE);
}

/* The client's authorization, and the hold on /run/vmrun. */
static const struct authorization *authorization;
static int hold = -1;

/* The user who started this program, as the kernel reports it; no environment changes that. */
struct client {
	uid_t uid;
	gid_t groups[NGROUPS_MAX + 1];
	size_t group_count;
};

static int find_client(struct client *client, struct error *err)
{
	int count = getgroups(NGROUPS_MAX, client->groups);

	if (count < 0)
		return error_set_errno(err, errno, "cannot get the groups of the calling user");
	client->uid = getuid();
	client->groups[count] = getgid();
	client->group_count = (size_t)count + 1;
	return 0;
}

/*
 * Gives up every right that is not needed. A failed hold on /run/vmrun is no error here: the code
 * that needs the directory later reports it, and a dry run does not need it. The policy applies to
 * users other than root, and only if the helper has its capabilities.
 */
static int confine(const struct client *client, struct error *err)
{
	static struct authorization permitted;
	struct error ignored;
	int ret;

	ret = capabilities_confine(err);
	if (ret < 0)
		return ret;
	if (capabilities_sufficient() && client->uid != 0) {
		authorize_load(&permitted, NETSETUP_CONF, client->uid, client->groups,
			       client->group_count);
		authorization = &permitted;
	}
	if (capabilities_sufficient() && !permitted.refusal.code)
		hold = lease_dir_hold(&ignored);
	ret = landlock_confine(err);
	return ret < 0 ? ret : seccomp_confine(err);
}

/* Serves one launcher and one VM, from the first record to the last. */
static int serve(void)
{
	struct error err = { 0 };
	int ret;

	ret = session_run(PROTOCOL_FD, authorization, &err);
	lease_dir_release(hold);
	/* The last record: after it, only the kernel still has something to remove. */
	if (ret == 0)
		session_done(PROTOCOL_FD, &err);
	/* The launcher need not wait until the kernel has removed the process. */
	shutdown(PROTOCOL_FD, SHUT_RDWR);
	return ret < 0 ? (int)err.status : STATUS_OK;
}

int main(int argc, char **argv)
{
	static struct client client;
	struct error err = { 0 };

	if (!open_standard())
		return STATUS_FAILURE;
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		printf("vmrun-netsetup %s\n", VMRUN_VERSION);
		return STATUS_OK;
	}
	if (argc != 1 || !socket_valid()) {
		fprintf(stderr, "vmrun-netsetup: this is started by vmrun, not by hand; "
				"see vmrun-netsetup(8)\n");
		return STATUS_USAGE;
	}
	reset_inherited();
	if (find_client(&client, &err) < 0 || confine(&client, &err) < 0) {
		print_error(&err);
		lease_dir_release(hold);
		return err.status;
	}
	return serve();
}
