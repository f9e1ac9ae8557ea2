// SPDX-License-Identifier: GPL-2.0-or-later
// Starts a child process with exactly the given descriptors and signals.
#ifndef LAUNCHER_COMMON_PROCESS_H
#define LAUNCHER_COMMON_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "launcher/common/confinement.h"
#include "netsetup/base/error.h"

/**
 * struct process - a child.
 * @pid: process id; 0 if there is no child (never started, or waited for).
 * @pidfd: readable once the child has ended, close-on-exec; -1 if there is no child.
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
 * @source: descriptor of this process; stays open.
 * @target: unique number in the child. The child inherits 0, 1 and 2 unless they are targets.
 */
struct process_fd {
	int source;
	int target;
};

/**
 * struct process_config - the start of a child.
 * @argv: NULL-terminated; argv[0] is looked up in PATH unless it has a slash.
 * @fds, @fd_count: its descriptors besides 0, 1 and 2; sources and targets may overlap. The child
 *                  has no others.
 * @blocked: signals that the child blocks; all dispositions are the default.
 * @new_session: true if the child leads a new session, without a controlling terminal.
 * @death_signal: signal that the kernel sends to the child when the calling thread ends, or 0.
 * @directory: the child's working directory; NULL: that of this process.
 * @environment: NULL-terminated, the whole environment; NULL: that of this process.
 * @confinement: the child's limits, from before it runs the program; NULL: none.
 */
struct process_config {
	char *const *argv;
	const struct process_fd *fds;
	size_t fd_count;
	sigset_t blocked;
	bool new_session;
	int death_signal;
	const char *directory;
	char *const *environment;
	const struct confinement *confinement;
};

/* Limit of process_config.fd_count. */
#define PROCESS_FDS_MAX 64

/**
 * process_guard_stdio() - open /dev/null for each of the descriptors 0, 1 and 2 that is closed.
 * main calls it early, so that no file opened later becomes standard input, output or error.
 *
 * Return: 0 or a negative errno.
 */
int process_guard_stdio(struct error *err);

/**
 * process_start() - start a program and return once it runs.
 * @process: the child; end it with process_wait() or process_kill().
 * @err: "cannot run 'NAME'" with the reason that execve(2) gave.
 *
 * Return: 0 or a negative errno.
 */
int process_start(const struct process_config *config, struct process *process, struct error *err);

/**
 * process_wait() - wait until the child ends and reap it.
 * @process: becomes PROCESS_NONE.
 * @end: si_code is CLD_EXITED, CLD_KILLED or CLD_DUMPED, si_status the status or the signal.
 *
 * Return: 0 or a negative errno.
 */
int process_wait(struct process *process, siginfo_t *end, struct error *err);

/**
 * process_signal() - send a signal to the child, never to another process of the same id.
 *
 * Return: 0; -ESRCH if the child has ended; or another negative errno.
 */
int process_signal(const struct process *process, int signo);

/* process_kill() - send SIGKILL and reap the child; does nothing for PROCESS_NONE. */
void process_kill(struct process *process);

#endif
