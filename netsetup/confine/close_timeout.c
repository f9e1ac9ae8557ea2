// SPDX-License-Identifier: GPL-2.0-or-later
// A limit to the time that system calls wait which know none.
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

int alarm_start(unsigned int seconds, struct alarm_before *before)
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

void alarm_stop(const struct alarm_before *before)
{
	disarm();
	sigprocmask(SIG_SETMASK, &before->mask, NULL);
	sigaction(SIGALRM, &before->action, NULL);
}

void alarm_close(const int *fds, size_t count)
{
	struct alarm_before before;
	const int rc = alarm_start(ALARM_CLOSE_SECONDS, &before);

	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (rc == 0)
		alarm_stop(&before);
}
