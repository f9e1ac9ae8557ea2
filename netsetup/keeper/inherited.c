// SPDX-License-Identifier: GPL-2.0-or-later
// Resets what a process inherits from the one that started it.
#include "netsetup/keeper/inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

/*
 * Threat: `sudo vmrun` of a user with little permission starts a service that VMs of others join.
 * What that user has set lasts over sudo: nice 19, SCHED_IDLE, one busy processor, a high
 * oom_score_adj, a limit of processor time, ignored signals. The service would starve or die in the
 * middle of a change. So all of it is set back, before CAP_SYS_NICE and CAP_SYS_RESOURCE are given
 * up. Test: test_keeper.c, test_inherited().
 */

#define NOFILE 4096 /* the connection and sockets of each VM, and a copy of each in the keeper */

/*
 * A file that is opened later must not become a standard descriptor, which gets the messages. Only
 * root starts a service, since this program has no set-uid bit, and vmrun closes all descriptors of
 * its caller before it executes this program. So close_range() does not meet a file whose close()
 * waits for a user's FUSE server.
 */
static int reset_fds(int keep, struct error *err)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return error_set_errno(err, errno, "cannot open '/dev/null'");
	if (keep < 0)
		close_range(STDERR_FILENO + 1, ~0U, 0);
	else {
		if (keep > STDERR_FILENO + 1)
			close_range(STDERR_FILENO + 1, (unsigned int)keep - 1, 0);
		close_range((unsigned int)keep + 1, ~0U, 0);
		fcntl(keep, F_SETFD, FD_CLOEXEC);
		fcntl(keep, F_SETFL, 0);
	}
	return 0;
}

/* Blocks all signals, and resets their actions, because execve() keeps ignored ones ignored. */
static void reset_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (int signo = 1; signo <= SIGRTMAX; signo++)
		signal(signo, SIG_DFL);
}

/* To raise a hard limit takes CAP_SYS_RESOURCE, which a container's root may lack. */
static void reset_limits(void)
{
	static const struct {
		int resource;
		rlim_t value;
	} limits[] = {
		{ RLIMIT_CPU, RLIM_INFINITY },
		{ RLIMIT_RTTIME, RLIM_INFINITY },
		{ RLIMIT_FSIZE, RLIM_INFINITY },
		{ RLIMIT_AS, RLIM_INFINITY },
		{ RLIMIT_DATA, RLIM_INFINITY },
		{ RLIMIT_NPROC, RLIM_INFINITY },
		{ RLIMIT_NOFILE, NOFILE },
		{ RLIMIT_STACK, 8 << 20 },
		{ RLIMIT_CORE, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit limit = { limits[i].value, limits[i].value };

		if (setrlimit(limits[i].resource, &limit) == 0 ||
		    getrlimit(limits[i].resource, &limit) < 0)
			continue;
		/* Without CAP_SYS_RESOURCE the hard limit is the highest possible value. */
		limit.rlim_cur = limit.rlim_max;
		setrlimit(limits[i].resource, &limit);
	}
}

/* The scheduler comes first: a nice value has no meaning for other classes. */
static void reset_priorities(void)
{
	const struct sched_param normal = { .sched_priority = 0 };
	cpu_set_t all;
	int fd;

	sched_setscheduler(0, SCHED_OTHER, &normal);
	setpriority(PRIO_PROCESS, 0, 0);
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_NONE, 0));
	/* The kernel leaves out the processors that the machine or the control group lacks. */
	memset(&all, 0xff, sizeof(all));
	sched_setaffinity(0, sizeof(all), &all);
	prctl(PR_SET_TIMERSLACK, 50000, 0, 0, 0); /* ns: the kernel's default */
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "0", 1) < 0)
		errno = 0;
	if (fd >= 0)
		close(fd);
}

int inherited_reset(int keep, struct error *err)
{
	int ret = reset_fds(keep, err);

	if (ret < 0)
		return ret;
	reset_signals();
	umask(077);
	clearenv();
	/* A working directory keeps its file system busy. */
	if (chdir("/") < 0)
		return error_set_errno(err, errno, "cannot change to '/'");
	reset_limits();
	reset_priorities();
	return 0;
}
