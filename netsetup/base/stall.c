// SPDX-License-Identifier: GPL-2.0-or-later
// Bounds the time of system calls that a hostile peer can stall.
#include "netsetup/base/stall.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

static void on_alarm(int signo)
{
}

static void change_mask(int how)
{
	sigset_t alarms;

	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	sigprocmask(how, &alarms, NULL);
}

void stall_begin(void)
{
	/* It repeats, because a signal that arrives before the wait does not end it. */
	static const struct itimerval limit = { { .tv_usec = 20000 }, { .tv_usec = 20000 } };
	const struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &action, NULL);
	change_mask(SIG_UNBLOCK);
	setitimer(ITIMER_REAL, &limit, NULL);
}

void stall_end(void)
{
	static const struct itimerval off = { { 0 }, { 0 } };

	setitimer(ITIMER_REAL, &off, NULL);
	change_mask(SIG_BLOCK);
}

void stall_close(int fd)
{
	stall_begin();
	close(fd);
	stall_end();
}
