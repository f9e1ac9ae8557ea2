// SPDX-License-Identifier: GPL-2.0-or-later
// Runs vmrun-netsetup, the privileged service that puts VMs on the LAN.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/confine/capabilities.h"
#include "netsetup/confine/landlock.h"
#include "netsetup/confine/seccomp.h"
#include "netsetup/keeper/supervisor.h"
#include "netsetup/maker/maker.h"
#include "netsetup/protocol/protocol.h"
#include "netsetup/service/service.h"
#include "netsetup/worker/worker.h"

#define PROGRAM "vmrun-netsetup"

/* Prints an error that nobody has reported yet. */
static void print_error(const struct error *err)
{
	if (!err->message[0])
		return;
	fprintf(stderr, PROGRAM ": %s\n", err->message);
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

static int run_once(struct error *err)
{
	char *const service[] = { (char *)PROGRAM, (char *)"--service", (char *)"--once", NULL };

	if (socket_valid())
		return supervisor_run(PROTOCOL_FD, service, err);
	return error_setf(err, STATUS_USAGE, EINVAL,
			  "without arguments this is started by vmrun, not by hand; see "
			  "vmrun-netsetup(8)");
}

static int run_listening(struct error *err)
{
	char *const service[] = { (char *)PROGRAM, (char *)"--service", (char *)"--stay", NULL };

	return supervisor_run(-1, service, err);
}

static int run_activated(struct error *err)
{
	return service_run(SERVICE_ACTIVATED, err);
}

static int run_service_once(struct error *err)
{
	return service_run(SERVICE_ONCE, err);
}

static int run_service_stay(struct error *err)
{
	return service_run(SERVICE_STAY, err);
}

static int run_worker(struct error *err)
{
	return worker_confine(err) < 0 || worker_run(WORKER_FD, err) < 0 ? STATUS_FAILURE
									 : STATUS_OK;
}

static int run_maker(struct error *err)
{
	int ret;

	ret = capabilities_confine(err);
	if (ret == 0)
		ret = landlock_confine_maker(err);
	if (ret == 0)
		ret = seccomp_confine_maker(err);
	return ret < 0 || maker_run(MAKER_FD, err) < 0 ? STATUS_FAILURE : STATUS_OK;
}

static int run_clean(struct error *err)
{
	const int ret = service_clean(err);

	return ret < 0 && ret != -EAGAIN ? (int)err->status : STATUS_OK;
}

static int run_usage(struct error *err)
{
	return error_setf(err, STATUS_USAGE, EINVAL, "see vmrun-netsetup(8)");
}

static int run_version(struct error *err)
{
	printf(PROGRAM " %s\n", VMRUN_VERSION);
	return STATUS_OK;
}

/* The ways to run this program. Each function returns the exit status. */
static const struct {
	const char *arguments[2];
	int (*run)(struct error *err);
} modes[] = {
	{ { NULL, NULL }, run_once },
	{ { "--listen", NULL }, run_listening },
	{ { "--service", NULL }, run_activated },
	{ { "--service", "--once" }, run_service_once },
	{ { "--service", "--stay" }, run_service_stay },
	{ { "--maker", NULL }, run_maker },
	{ { "--worker", NULL }, run_worker },
	{ { "--clean", NULL }, run_clean },
	{ { "--version", NULL }, run_version },
};

static bool argument_equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

int main(int argc, char **argv)
{
	const char *first = argc > 1 ? argv[1] : NULL, *second = argc > 2 ? argv[2] : NULL;
	struct error err = { 0 };
	int (*run)(struct error *) = run_usage;
	int status;
	sigset_t all;

	if (!open_standard())
		return STATUS_FAILURE;
	/* The kernel names a program after its path, which is /proc/self/exe for two of three. */
	prctl(PR_SET_NAME, PROGRAM);
	/* Signals are read, or end nothing: the end of a client ends its VM's place. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	umask(077);
	for (size_t i = 0; argc <= 3 && i < ARRAY_SIZE(modes); i++)
		if (argument_equal(first, modes[i].arguments[0]) &&
		    argument_equal(second, modes[i].arguments[1]))
			run = modes[i].run;
	status = run(&err);
	if (status < 0)
		status = (int)err.status;
	if (status != STATUS_OK)
		print_error(&err);
	return status;
}
