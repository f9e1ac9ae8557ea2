// SPDX-License-Identifier: GPL-2.0-or-later
// Starts a child process with exactly the given descriptors and signals.
#include "launcher/common/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

int process_guard_stdio(struct error *err)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return error_set_errno(err, errno, "cannot open '/dev/null'");
	} while (fd <= STDERR_FILENO);

	close(fd);
	return 0;
}

/* Up to child_run(), runs in the child: only async-signal-safe calls; -1 with errno on error. */

static int close_between(unsigned int first, unsigned int last)
{
	return first > last ? 0 : (int)syscall(SYS_close_range, first, last, 0);
}

/* Closes all descriptors from 3 to below @end that are no target. */
static void close_gaps(const struct process_config *config, int end)
{
	bool keep;
	size_t i;
	int fd;

	for (fd = STDERR_FILENO + 1; fd < end; fd++) {
		keep = false;
		for (i = 0; i < config->fd_count; i++)
			keep = keep || config->fds[i].target == fd;
		if (!keep)
			close(fd);
	}
}

/*
 * Duplicates the sources above all targets first, so that no dup2(2) overwrites a source that is
 * still needed. @report moves to another number and stays open until exec.
 */
static int child_place_fds(const struct process_config *config, int *report)
{
	int moved[PROCESS_FDS_MAX];
	int end = STDERR_FILENO + 1;
	size_t i;

	for (i = 0; i < config->fd_count; i++)
		if (config->fds[i].target >= end)
			end = config->fds[i].target + 1;

	*report = fcntl(*report, F_DUPFD_CLOEXEC, end);
	if (*report < 0)
		return -1;
	for (i = 0; i < config->fd_count; i++) {
		moved[i] = fcntl(config->fds[i].source, F_DUPFD_CLOEXEC, end);
		if (moved[i] < 0)
			return -1;
	}
	for (i = 0; i < config->fd_count; i++)
		if (dup2(moved[i], config->fds[i].target) < 0)
			return -1;

	close_gaps(config, end);
	if (close_between((unsigned int)end, (unsigned int)*report - 1) < 0)
		return -1;
	return close_between((unsigned int)*report + 1, ~0U);
}

static int child_set_signals(const struct process_config *config)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	int signo;

	/* Fails for SIGKILL, SIGSTOP and the C library's own signals, which is right. */
	for (signo = 1; signo < NSIG; signo++)
		sigaction(signo, &action, NULL);
	return sigprocmask(SIG_SETMASK, &config->blocked, NULL);
}

static int child_bind(const struct process_config *config, pid_t parent)
{
	if (config->new_session && setsid() < 0)
		return -1;
	if (!config->death_signal)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, config->death_signal) < 0)
		return -1;
	/* The parent may have ended before the line above took effect. */
	if (getppid() != parent)
		_exit(127);
	return 0;
}

/* Comes first: child_place_fds() closes the ruleset's descriptor. */
static int child_confine(const struct confinement *confinement)
{
	const int ret = confinement ? confinement_enter(confinement) : 0;

	errno = -ret;
	return ret ? -1 : 0;
}

static void child_run(const struct process_config *config, pid_t parent, int report)
{
	int pipe_fd = report;
	int code;

	if (child_confine(config->confinement) == 0 && child_bind(config, parent) == 0 &&
	    (!config->directory || chdir(config->directory) == 0) &&
	    child_place_fds(config, &pipe_fd) == 0 && child_set_signals(config) == 0)
		execvpe(config->argv[0], config->argv,
			config->environment ? config->environment : environ);

	code = errno;
	if (write(pipe_fd < 0 ? report : pipe_fd, &code, sizeof(code)) < 0)
		_exit(126);
	_exit(127);
}

/* Runs in the parent: returns 0 once the program runs, else the child's errno. */
static int exec_result(int report)
{
	ssize_t length;
	int code = 0;

	do
		length = read(report, &code, sizeof(code));
	while (length < 0 && errno == EINTR);

	return length == (ssize_t)sizeof(code) ? code : 0;
}

static int fork_blocked(void)
{
	sigset_t all, before;
	pid_t pid;
	int code;

	/* No handler of this program may run in the child. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	code = errno;
	if (pid != 0)
		sigprocmask(SIG_SETMASK, &before, NULL);
	errno = code;
	return pid;
}

int process_start(const struct process_config *config, struct process *process, struct error *err)
{
	struct process child = PROCESS_NONE;
	cleanup_fd int read_end = -1;
	cleanup_fd int write_end = -1;
	pid_t parent = getpid();
	int ends[2];
	int code;

	assert(config->argv && config->argv[0] && config->fd_count <= PROCESS_FDS_MAX);

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set_errno(err, errno, "cannot run '%s'", config->argv[0]);
	read_end = ends[0];
	write_end = ends[1];

	child.pid = fork_blocked();
	if (child.pid == 0)
		child_run(config, parent, write_end);
	if (child.pid < 0)
		return error_set_errno(err, errno, "cannot run '%s'", config->argv[0]);

	/* This has no race: until waitid(2), the id is the child's. */
	child.pidfd = (int)syscall(SYS_pidfd_open, child.pid, 0);
	code = child.pidfd < 0 ? errno : 0;
	close(take_fd(&write_end));
	if (!code)
		code = exec_result(read_end);
	if (code) {
		process_kill(&child);
		return error_set_errno(err, code, "cannot run '%s'", config->argv[0]);
	}
	*process = child;
	return 0;
}

static void clear_process(struct process *process)
{
	if (process->pidfd >= 0)
		close(process->pidfd);
	*process = (struct process)PROCESS_NONE;
}

static int reap(const struct process *process, siginfo_t *end)
{
	int ret;

	do
		ret = waitid(P_PID, (id_t)process->pid, end, WEXITED);
	while (ret < 0 && errno == EINTR);
	return ret;
}

int process_wait(struct process *process, siginfo_t *end, struct error *err)
{
	siginfo_t info = { 0 };

	assert(process->pid > 0);

	if (reap(process, &info) < 0)
		return error_set_errno(err, errno, "cannot wait for process %d", (int)process->pid);
	clear_process(process);
	*end = info;
	return 0;
}

int process_signal(const struct process *process, int signo)
{
	assert(process->pid > 0);

	/* Before waitid(2), the kernel gives the id to no other process. */
	return kill(process->pid, signo) < 0 ? -errno : 0;
}

void process_kill(struct process *process)
{
	siginfo_t end;

	if (process->pid <= 0)
		return;
	kill(process->pid, SIGKILL);
	reap(process, &end);
	clear_process(process);
}
