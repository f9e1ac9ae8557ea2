// SPDX-License-Identifier: GPL-2.0-or-later
// vmrun-netsetup, the privileged helper of vmrun: puts one VM on the LAN for as long as it runs.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
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
 * Theory of operation: whoever may run this program, when it is set-uid or has file capabilities,
 * chooses its environment, descriptors, signals, limits and arguments, and is not trusted. So
 * first all of these are made as they must be, then everything that is not needed is given up, and
 * only then is a record of theirs read.
 */

/*
 * Set-uid, the environment is the asker's, and libraries read it before main() is reached: libnl
 * what it shall print (NLDBG, NLCB), and where its files are. So it is emptied before the first of
 * them is initialised; what the dynamic linker takes from it, it takes care of itself.
 */
static void forget_environment(int argc, char **argv, char **envp)
{
	envp[0] = NULL;
}

__attribute__((section(".preinit_array"),
	       used)) static void (*const before_libraries)(int, char **,
							    char **) = forget_environment;

static void print_error(const struct error *err)
{
	fprintf(stderr, "vmrun-netsetup: %s\n", err->message);
	if (err->remedy[0])
		fprintf(stderr, "%s\n", err->remedy);
}

/* What is opened later must not come to be a standard descriptor, to which messages are written. */
static bool open_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	return true;
}

/* Whether the launcher's socket is where it should be: connected, and of this machine. */
static bool socket_given(void)
{
	struct sockaddr_un peer;
	socklen_t size = sizeof(int), peer_size = sizeof(peer);
	int type = 0, domain = 0;

	return getsockopt(PROTOCOL_FD, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
	       getsockopt(PROTOCOL_FD, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       type == SOCK_SEQPACKET && domain == AF_UNIX &&
	       getpeername(PROTOCOL_FD, (struct sockaddr *)&peer, &peer_size) == 0;
}

/* What whoever started us has chosen and that is none of theirs to choose. */
static void start_clean(void)
{
	sigset_t all;

	/* The launcher's end-of-file alone ends us: a terminal's Ctrl-C must not cut the VM off. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* SIGCHLD ignored, children would end without a word. */
	signal(SIGCHLD, SIG_DFL);
	umask(077);
	clearenv();
	close_range(PROTOCOL_FD + 1, ~0U, 0);
	fcntl(PROTOCOL_FD, F_SETFD, FD_CLOEXEC);
	/* A socket that does not wait would end us at once. */
	fcntl(PROTOCOL_FD, F_SETFL, 0);
	/* Not to keep a file system of theirs busy. */
	if (chdir("/") < 0)
		_exit(STATUS_FAILURE);
}

/* What a spare, too, is permitted, and what keeps /run/vmrun there. */
static const struct authorization *authorization;
static int hold = -1;

/* Of a spare: its VM; and where it begins. */
static struct vm_identity standby_of;
static jmp_buf beginning;

/* Who started us: the kernel's word, which no environment changes. */
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
 * Everything that is not needed is given up. That /run/vmrun cannot be held is told by whoever needs
 * it later: a dry run does not. The policy is for who is not root, and only where something can be
 * done at all.
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

/*
 * A spare begins where its maker began to serve, whatever that one was doing when it made it: its
 * stack is no higher than the first one's, however many there were between.
 */
static void begin_standby(const struct vm_identity *vm)
{
	standby_of = *vm;
	longjmp(beginning, 1);
}

/* The maker lets go of its hold on /run/vmrun at its end: a spare needs one of its own. */
static void hold_again(void)
{
	const int inherited = hold;
	struct error ignored;

	hold = lease_dir_hold(&ignored);
	if (inherited >= 0)
		close(inherited);
}

/* One launcher and one VM, from the first record to the last. */
static int serve(void)
{
	const struct session_limits limits = { authorization,
					       standby_of.name[0] ? &standby_of : NULL,
					       begin_standby };
	struct error err = { 0 };
	int ret;

	ret = session_run(PROTOCOL_FD, &limits, &err);
	lease_dir_release(hold);
	/* The last word: from here on nothing of ours is left but what the kernel removes. */
	if (ret == 0)
		session_done(PROTOCOL_FD, &err);
	/* The launcher need not wait for what the kernel does at the end of this process. */
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
	if (argc != 1 || !socket_given()) {
		fprintf(stderr, "vmrun-netsetup: this is started by vmrun, not by hand; "
				"see vmrun-netsetup(8)\n");
		return STATUS_USAGE;
	}
	start_clean();
	if (find_client(&client, &err) < 0 || confine(&client, &err) < 0) {
		print_error(&err);
		lease_dir_release(hold);
		return err.status;
	}
	if (setjmp(beginning) != 0)
		hold_again();
	return serve();
}
