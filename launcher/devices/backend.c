// SPDX-License-Identifier: GPL-2.0-or-later
// Runs backends: programs that serve QEMU a TPM or a shared directory.
#include "launcher/devices/backend.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"

/*
 * Theory of operation. A backend and QEMU hold the two ends of a connection that vmrun makes and
 * closes, so each of them sees the end of the other, and no socket file is left. Both are vmrun's
 * children with a parent-death signal: if one of the three is killed, the others end.
 *
 * Usually QEMU ends first, and the backend ends as a result. The pidfds do not show the order,
 * since the backend may be faster. So a backend counts as lost only if QEMU outlives it by GRACE.
 *
 * Threat: the guest controls a part of a backend's output. Check: the output is made safe for a
 * terminal, and its lines are limited (test: test_backend.c).
 */

#define GRACE_MS  1000
#define LINES_MAX 100
#define LINE_SIZE 256

/* More reads than a full pipe needs, but limited, so that no backend can block vmrun. */
#define READS_MAX 1024

/**
 * struct backend - a running or ended backend.
 * @process: PROCESS_NONE after its end.
 * @output: the read end of its standard output and error, or -1.
 * @line, @used: bytes of an incomplete line.
 * @lines: number of lines passed to @ops.
 * @end: set after its end.
 * @timer: the grace period, which starts at its end, or -1.
 */
struct backend {
	char *name;
	struct process process;
	int output;
	char line[LINE_SIZE];
	size_t used;
	unsigned int lines;
	siginfo_t end;
	int timer;
	struct loop *loop;
	const struct backend_ops *ops;
	void *context;
};

/* Search for programs. */

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
	       faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* Returns DIRECTORY/PROGRAM in @path if it exists: 0, -ENOENT or -ENOMEM. */
static int try_directory(const char *directory, size_t length, const char *program, char **path)
{
	cleanup_free char *tried = NULL;

	/* Threat: another user's program in the working directory. Check: absolute paths only. */
	if (directory[0] != '/')
		return -ENOENT;
	tried = text_format("%.*s/%s", (int)length, directory, program);
	if (!tried)
		return -ENOMEM;
	if (!is_program(tried))
		return -ENOENT;
	*path = take_ptr(&tried);
	return 0;
}

int backend_find(const char *program, const char *const *directories, const char *package,
		 char **path, struct error *err)
{
	const char *directory = getenv("PATH");
	int ret = -ENOENT;

	assert(!strchr(program, '/'));
	while (directory && ret == -ENOENT) {
		size_t length = strcspn(directory, ":");

		ret = try_directory(directory, length, program, path);
		directory = directory[length] ? directory + length + 1 : NULL;
	}
	for (; directories && *directories && ret == -ENOENT; directories++)
		ret = try_directory(*directories, strlen(*directories), program, path);
	if (ret == -ENOENT) {
		error_set_errno(err, ENOENT, "cannot find the program '%s'", program);
		error_remedy(err, "install it: sudo apt-get install %s", package);
	} else if (ret) {
		error_set_errno(err, -ret, "cannot run '%s'", program);
	}
	return ret;
}

/* Output. */

/* Returns the line, safe to show, without the name, which the owner adds. The caller frees it. */
static char *safe_line(const struct backend *backend)
{
	const size_t length = strlen(backend->name);
	const char *line = backend->line;
	size_t used = backend->used;
	char *safe = NULL;
	size_t size;
	FILE *out;

	if (used > length + 2 && !memcmp(line, backend->name, length) &&
	    !memcmp(line + length, ": ", 2)) {
		line += length + 2;
		used -= length + 2;
	}
	while (used && line[used - 1] == '\r')
		used--;
	out = open_memstream(&safe, &size);
	if (!out)
		return NULL;
	text_write(out, line, used);
	fclose(out);
	return safe;
}

static void pass_line(struct backend *backend)
{
	cleanup_free char *safe = NULL;

	if (backend->used && backend->ops && backend->lines <= LINES_MAX)
		safe = safe_line(backend);
	backend->used = 0;
	if (!safe || !safe[0])
		return;
	backend->ops->said(backend->name,
			   backend->lines < LINES_MAX ? safe : "more output is not shown",
			   backend->context);
	backend->lines++;
}

/* Splits a line that is too long. */
static void take_bytes(struct backend *backend, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\n' || backend->used == LINE_SIZE)
			pass_line(backend);
		if (bytes[i] != '\n')
			backend->line[backend->used++] = bytes[i];
	}
}

static void close_output(struct backend *backend)
{
	if (backend->output < 0)
		return;
	pass_line(backend);
	if (backend->loop)
		loop_remove(backend->loop, backend->output);
	close(backend->output);
	backend->output = -1;
}

/* Reads the available output; the pipe does not block. */
static void read_output(struct backend *backend)
{
	char bytes[1024];
	ssize_t size;

	for (int i = 0; i < READS_MAX && backend->output >= 0; i++) {
		size = read(backend->output, bytes, sizeof(bytes));
		if (size > 0)
			take_bytes(backend, bytes, (size_t)size);
		else if (size == 0 || errno != EINTR)
			break;
	}
}

static void output_ready(int fd, uint32_t events, void *context)
{
	struct backend *backend = context;
	char bytes[1024];
	ssize_t size = read(fd, bytes, sizeof(bytes));

	if (size > 0)
		take_bytes(backend, bytes, (size_t)size);
	else if (size == 0 || (errno != EINTR && errno != EAGAIN))
		close_output(backend);
}

/* End. */

static const char *end_text(const siginfo_t *end, char text[LINE_SIZE])
{
	if (end->si_code == CLD_EXITED)
		snprintf(text, LINE_SIZE, "has ended with status %d", end->si_status);
	else
		snprintf(text, LINE_SIZE, "was killed by signal %d (%s)", end->si_status,
			 strsignal(end->si_status));
	return text;
}

static void report_lost(struct backend *backend)
{
	char how[LINE_SIZE];

	if (backend->ops)
		backend->ops->lost(backend->name, end_text(&backend->end, how), backend->context);
}

static void stop_timer(struct backend *backend)
{
	if (backend->timer < 0)
		return;
	loop_remove(backend->loop, backend->timer);
	close(backend->timer);
	backend->timer = -1;
}

static void grace_over(int fd, uint32_t events, void *context)
{
	struct backend *backend = context;

	stop_timer(backend);
	report_lost(backend);
}

static void backend_ended(int fd, uint32_t events, void *context)
{
	const struct itimerspec grace = { .it_value = { .tv_sec = GRACE_MS / 1000 } };
	struct backend *backend = context;
	struct error ignored;

	loop_remove(backend->loop, fd);
	read_output(backend);
	close_output(backend);
	if (process_wait(&backend->process, &backend->end, &ignored) < 0)
		return;
	backend->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (backend->timer >= 0 && timerfd_settime(backend->timer, 0, &grace, NULL) == 0 &&
	    loop_add(backend->loop, backend->timer, EPOLLIN, grace_over, backend, &ignored) == 0)
		return;
	/* Without a timer, report the loss now: early is better than never. */
	if (backend->timer >= 0)
		close(backend->timer);
	backend->timer = -1;
	report_lost(backend);
}

/* Start and shutdown. */

static void backend_free(struct backend *backend)
{
	if (!backend)
		return;
	process_kill(&backend->process);
	if (backend->output >= 0 && backend->loop)
		loop_remove(backend->loop, backend->output);
	cleanup_fd_done(&backend->output);
	free(backend->name);
	free(backend);
}

static int start(struct backend *backend, const struct backend_config *config, struct error *err)
{
	static char *const environment[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
					     (char *)"LC_ALL=C", NULL };
	struct process_fd fds[PROCESS_FDS_MAX];
	struct process_config child = { .argv = config->arguments->items,
					.fds = fds,
					.fd_count = config->fd_count,
					.new_session = true,
					.death_signal = SIGINT,
					.environment = environment,
					.confinement = config->confinement };
	cleanup_fd int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cleanup_fd int theirs = -1;
	int ends[2];

	assert(config->fd_count + 3 <= PROCESS_FDS_MAX);
	if (null_fd < 0)
		return error_set_errno(err, errno, "cannot open '/dev/null'");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set_errno(err, errno, "cannot make a pipe");
	backend->output = ends[0];
	theirs = ends[1];
	/* Only this end must not block; the backend's end may. */
	if (fcntl(backend->output, F_SETFL, O_NONBLOCK) < 0)
		return error_set_errno(err, errno, "cannot make a pipe");

	if (config->fd_count)
		memcpy(fds, config->fds, config->fd_count * sizeof(fds[0]));
	fds[child.fd_count++] = (struct process_fd){ null_fd, STDIN_FILENO };
	fds[child.fd_count++] = (struct process_fd){ theirs, STDOUT_FILENO };
	fds[child.fd_count++] = (struct process_fd){ theirs, STDERR_FILENO };
	sigemptyset(&child.blocked);
	sigaddset(&child.blocked, SIGTERM);
	sigaddset(&child.blocked, SIGHUP);
	return process_start(&child, &backend->process, err);
}

int backend_start(struct backends *backends, const struct backend_config *config, struct error *err)
{
	struct backend *backend;
	int ret;

	assert(backends->count < BACKENDS_MAX);
	backend = config->arguments->failed ? NULL : calloc(1, sizeof(*backend));
	if (!backend)
		return error_set_errno(err, ENOMEM, "cannot run '%s'", config->name);
	backend->process = (struct process)PROCESS_NONE;
	backend->output = -1;
	backend->timer = -1;
	backend->name = strdup(config->name);
	ret = backend->name ? start(backend, config, err)
			    : error_set_errno(err, ENOMEM, "cannot run '%s'", config->name);
	if (ret) {
		backend_free(backend);
		return ret;
	}
	backends->items[backends->count++] = backend;
	return 0;
}

static int watch(struct backend *backend, struct error *err)
{
	int ret;

	ret = loop_add(backend->loop, backend->output, EPOLLIN, output_ready, backend, err);
	if (!ret)
		ret = loop_add(backend->loop, backend->process.pidfd, EPOLLIN, backend_ended,
			       backend, err);
	return ret;
}

int backend_watch(struct backends *backends, struct loop *loop, const struct backend_ops *ops,
		  void *context, struct error *err)
{
	int ret = 0;

	for (size_t i = 0; i < backends->count && !ret; i++) {
		struct backend *backend = backends->items[i];

		backend->loop = loop;
		backend->ops = ops;
		backend->context = context;
		ret = watch(backend, err);
	}
	return ret;
}

/* Returns true if the backend ends within GRACE_MS; the pipe holds its output meanwhile. */
static bool ends_soon(const struct backend *backend)
{
	struct pollfd ended = { .fd = backend->process.pidfd, .events = POLLIN };

	return poll(&ended, 1, GRACE_MS) > 0;
}

/* Waits for the backend's end, or ends it. Returns true if it ended by itself. */
static bool end_process(struct backend *backend)
{
	struct error ignored;
	bool by_itself;

	if (backend->loop)
		loop_remove(backend->loop, backend->process.pidfd);
	by_itself = ends_soon(backend);
	if (!by_itself) {
		process_signal(&backend->process, SIGINT);
		if (!ends_soon(backend))
			process_signal(&backend->process, SIGKILL);
	}
	return process_wait(&backend->process, &backend->end, &ignored) == 0 && by_itself;
}

/*
 * Reports a backend that failed, since it may be the reason for QEMU's end. A backend that ended
 * with status 0 may print messages about QEMU's end, which are not shown.
 */
static void end(struct backend *backend)
{
	bool unreported = backend->timer >= 0;

	if (backend->timer >= 0)
		stop_timer(backend);
	if (backend->process.pid > 0)
		unreported = end_process(backend);
	if (unreported && (backend->end.si_code != CLD_EXITED || backend->end.si_status)) {
		read_output(backend);
		close_output(backend);
		report_lost(backend);
	}
	backend_free(backend);
}

void backend_end(struct backends *backends)
{
	while (backends->count)
		end(backends->items[--backends->count]);
}
