// SPDX-License-Identifier: GPL-2.0-or-later
// Limits the time of system calls that have no timeout, such as close().
#include "netsetup/confine/close_timeout.h"

#include <errno.h>
#include <sys/time.h>
#include <unistd.h>

static void on_alarm(int signo)
{
}

static void disarm(void)
{
	const struct itimerval off = { 0 };

	setitimer(ITIMER_REAL, &off, NULL);
}

int close_timeout_start(unsigned int seconds, struct close_timeout *before)
{
	const struct itimerval limit = { { .tv_usec = 100000 }, { .tv_sec = seconds } };
	const struct sigaction action = { .sa_handler = on_alarm };
	sigset_t alarms;
	int code;

	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	if (sigaction(SIGALRM, &action, &before->action) < 0)
		return -errno;
	if (setitimer(ITIMER_REAL, &limit, NULL) == 0 &&
	    sigprocmask(SIG_UNBLOCK, &alarms, &before->mask) == 0)
		return 0;
	code = errno;
	disarm();
	sigaction(SIGALRM, &before->action, NULL);
	return -code;
}

void close_timeout_stop(const struct close_timeout *before)
{
	disarm();
	sigprocmask(SIG_SETMASK, &before->mask, NULL);
	sigaction(SIGALRM, &before->action, NULL);
}

void close_timeout_fds(const int *fds, size_t count)
{
	struct close_timeout before;
	const int ret = close_timeout_start(CLOSE_TIMEOUT_SECONDS, &before);

	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (ret == 0)
		close_timeout_stop(&before);
}
