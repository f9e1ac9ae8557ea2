// SPDX-License-Identifier: GPL-2.0-or-later
// Blocks signals from the start of main and reads them from a signalfd.
#include "launcher/common/signals.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

/* Faults of the program: if they were blocked, the kernel would skip a handler's report. */
static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT };

/* Signals that ask a process to end. */
static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static void fill_without_faults(sigset_t *set)
{
	size_t i;

	sigfillset(set);
	for (i = 0; i < ARRAY_SIZE(faults); i++)
		sigdelset(set, faults[i]);
}

void signals_block(void)
{
	struct sigaction child = { .sa_handler = SIG_DFL };
	struct sigaction hangup;
	sigset_t set;

	fill_without_faults(&set);
	/* The kernel queues blocked signals even if ignored: kernel/signal.c, sig_ignored(). */
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler == SIG_IGN)
		sigdelset(&set, SIGHUP);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigaction(SIGCHLD, &child, NULL);
}

int signals_open(struct error *err)
{
	sigset_t set;
	int fd;

	fill_without_faults(&set);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? error_set_errno(err, errno, "cannot watch signals") : fd;
}

int signals_read(int fd, pid_t *sender)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	if (sender)
		*sender = info.ssi_code == SI_USER ? (pid_t)info.ssi_pid : 0;
	return (int)info.ssi_signo;
}

int signals_open_ends(struct error *err)
{
	sigset_t set;
	size_t i;
	int fd;

	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(ends); i++)
		sigaddset(&set, ends[i]);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? error_set_errno(err, errno, "cannot watch signals") : fd;
}

int signals_pending(void)
{
	sigset_t set;
	size_t i;

	if (sigpending(&set) < 0)
		return 0;
	for (i = 0; i < ARRAY_SIZE(ends); i++)
		if (sigismember(&set, ends[i]) == 1)
			return ends[i];
	return 0;
}

int signals_check(struct error *err)
{
	const int signo = signals_pending();

	if (!signo)
		return 0;
	memset(err, 0, sizeof(*err));
	err->code = EINTR;
	err->status = (enum exit_status)(STATUS_SIGNAL + signo);
	return -EINTR;
}

int signals_wait(int fd, int timeout, struct error *err)
{
	cleanup_fd int signals = signals_open_ends(err);
	struct pollfd polled[] = { { .fd = fd, .events = POLLIN },
				   { .fd = signals, .events = POLLIN } };

	if (signals < 0)
		return signals;
	if (poll(polled, ARRAY_SIZE(polled), timeout) < 0 && errno != EINTR)
		return error_set_errno(err, errno, "cannot wait for signals");
	if (polled[0].revents)
		return 1;
	return polled[1].revents ? signals_check(err) : 0;
}

/*
 * Takes the default action, not SIGSTOP: the kernel skips it for an orphaned process group, which
 * no shell could continue.
 */
void signals_suspend(int signo)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	struct sigaction before;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	sigaction(signo, &action, &before);
	raise(signo);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(signo, &before, NULL);
}
