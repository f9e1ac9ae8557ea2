// SPDX-License-Identifier: GPL-2.0-or-later
// A child process: started with exactly the descriptors and signals it shall have.
#ifndef LAUNCHER_COMMON_PROCESS_H
#define LAUNCHER_COMMON_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "netsetup/base/error.h"

/**
 * struct process - a child.
 * @pid: its process id; 0 when there is none (never started, or waited for).
 * @pidfd: readable once it has ended, close-on-exec; -1 when there is none.
 */
struct process {
	pid_t pid;
	int pidfd;
};

#define PROCESS_NONE                  \
	{                             \
		.pid = 0, .pidfd = -1 \
	}

/**
 * struct process_fd - one descriptor of the child.
 * @source: in this process; stays open here.
 * @target: its number there; no two alike. 0, 1 and 2 are inherited as they are when not named.
 */
struct process_fd {
	int source;
	int target;
};

/**
 * struct process_config - how the child starts.
 * @argv: NULL-terminated; argv[0] is searched in PATH unless it has a slash.
 * @fds, @fd_count: its descriptors besides 0, 1 and 2; sources and targets may overlap. All others
 *                  are closed.
 * @blocked: the signals that are blocked in it; the dispositions of all are the default.
 * @new_session: it leads a session of its own, without a controlling terminal.
 * @death_signal: what it gets when the calling thread ends, or 0.
 * @environment: NULL-terminated, all that it has; NULL: the same as this process.
 */
struct process_config {
	char *const *argv;
	const struct process_fd *fds;
	size_t fd_count;
	sigset_t blocked;
	bool new_session;
	int death_signal;
	char *const *environment;
};

/* The most descriptors that a child can be given. */
#define PROCESS_FDS_MAX 64

/**
 * process_guard_stdio() - open /dev/null for each of the descriptors 0, 1 and 2 that is closed, so
 * that no file opened later is taken for one of them; an early act of main.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int process_guard_stdio(struct error *err);

/**
 * process_start() - start a program; returns once it runs.
 * @config: see there.
 * @process: the child; end it with process_wait() or process_kill().
 * @err: "cannot run 'NAME'" with the reason of execve(2) when it cannot be run.
 *
 * Return: 0 or a negative errno.
 */
int process_start(const struct process_config *config, struct process *process, struct error *err);

/**
 * process_wait() - wait until the child has ended and reap it; @process is none after it.
 * @process: a child.
 * @end: how it ended: si_code is CLD_EXITED, CLD_KILLED or CLD_DUMPED, si_status the status or the
 *       signal.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int process_wait(struct process *process, siginfo_t *end, struct error *err);

/**
 * process_signal() - send a signal to the child, never to another process of the same id.
 * @process: a child.
 * @signo: the signal.
 *
 * Return: 0 or a negative errno; -ESRCH when it has ended.
 */
int process_signal(const struct process *process, int signo);

/* process_kill() - SIGKILL and reap; legal when there is none. */
void process_kill(struct process *process);

#endif
