// SPDX-License-Identifier: GPL-2.0-or-later
// A program beside QEMU that serves it one thing: a TPM, a shared directory.
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
 * Theory of operation. A companion and QEMU hold the two ends of a connection that vmrun has made
 * and does not keep, so each of them notices when the other is gone, and no file has to be cleaned
 * up. Both are vmrun's children with a parent-death signal: whichever of the three is killed, the
 * others go or are ended.
 *
 * Usually it is QEMU that goes first, and the companion's end is only what follows from it. From
 * the pidfds alone that cannot be told, for the companion may be faster: that one is lost is said
 * only if QEMU outlives it by GRACE.
 *
 * What it writes is partly in the hands of the guest that it serves: it is made safe for a
 * terminal, and it is not much.
 */

#define GRACE_MS  1000
#define LINES_MAX 100
#define LINE_SIZE 256

/* More reads than its pipe can hold text: no companion keeps vmrun from going on. */
#define READS_MAX 1024

/**
 * struct companion - one of them.
 * @process: none when it has ended.
 * @output: our end of its standard output and error, or -1.
 * @line, @used: what was read and has no end of line yet.
 * @lines: how many were told.
 * @end: how it ended, once it has.
 * @timer: runs from its end, or -1.
 */
struct companion {
	char *name;
	struct process process;
	int output;
	char line[LINE_SIZE];
	size_t used;
	unsigned int lines;
	siginfo_t end;
	int timer;
	struct loop *loop;
	const struct companion_ops *ops;
	void *context;
};

/* Finding. */

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
	       faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* DIRECTORY/PROGRAM, when it is there: 0, -ENOENT or -ENOMEM. */
static int try_place(const char *directory, size_t length, const char *program, char **path)
{
	cleanup_free char *tried = NULL;

	/* A directory that is not absolute depends on where one stands: it is not searched. */
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

int companion_find(const char *program, const char *const *places, const char *package, char **path,
		   struct error *err)
{
	const char *directory = getenv("PATH");
	int ret = -ENOENT;

	assert(!strchr(program, '/'));
	while (directory && ret == -ENOENT) {
		size_t length = strcspn(directory, ":");

		ret = try_place(directory, length, program, path);
		directory = directory[length] ? directory + length + 1 : NULL;
	}
	for (; places && *places && ret == -ENOENT; places++)
		ret = try_place(*places, strlen(*places), program, path);
	if (ret == -ENOENT) {
		error_set(err, ENOENT, "cannot find the program '%s'", program);
		error_remedy(err, "install it: apt-get install %s", package);
	} else if (ret) {
		error_set(err, -ret, "cannot run '%s'", program);
	}
	return ret;
}

/* What it says. */

/* The line as it can be shown, allocated: without the program's name, which is put before it. */
static char *safe_line(const struct companion *companion)
{
	const size_t length = strlen(companion->name);
	const char *line = companion->line;
	size_t used = companion->used;
	char *safe = NULL;
	size_t size;
	FILE *out;

	if (used > length + 2 && !memcmp(line, companion->name, length) &&
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

static void tell_line(struct companion *companion)
{
	cleanup_free char *safe = NULL;

	if (companion->used && companion->ops && companion->lines <= LINES_MAX)
		safe = safe_line(companion);
	companion->used = 0;
	if (!safe || !safe[0])
		return;
	companion->ops->said(companion->name,
			     companion->lines < LINES_MAX ? safe
							  : "it says more, which is not shown",
			     companion->context);
	companion->lines++;
}

/* A line that is too long is told in pieces. */
static void take_bytes(struct companion *companion, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\n' || companion->used == LINE_SIZE)
			tell_line(companion);
		if (bytes[i] != '\n')
			companion->line[companion->used++] = bytes[i];
	}
}

static void close_output(struct companion *companion)
{
	if (companion->output < 0)
		return;
	tell_line(companion);
	if (companion->loop)
		loop_remove(companion->loop, companion->output);
	close(companion->output);
	companion->output = -1;
}

/* Reads what is there; the pipe does not block. */
static void read_output(struct companion *companion)
{
	char bytes[1024];
	ssize_t size;

	for (int i = 0; i < READS_MAX && companion->output >= 0; i++) {
		size = read(companion->output, bytes, sizeof(bytes));
		if (size > 0)
			take_bytes(companion, bytes, (size_t)size);
		else if (size == 0 || errno != EINTR)
			break;
	}
}

static void output_ready(int fd, uint32_t events, void *context)
{
	struct companion *companion = context;
	char bytes[1024];
	ssize_t size = read(fd, bytes, sizeof(bytes));

	if (size > 0)
		take_bytes(companion, bytes, (size_t)size);
	else if (size == 0 || (errno != EINTR && errno != EAGAIN))
		close_output(companion);
}

/* Its end. */

static const char *end_text(const siginfo_t *end, char text[LINE_SIZE])
{
	if (end->si_code == CLD_EXITED)
		snprintf(text, LINE_SIZE, "has ended with status %d", end->si_status);
	else
		snprintf(text, LINE_SIZE, "was killed by signal %d (%s)", end->si_status,
			 strsignal(end->si_status));
	return text;
}

static void tell_lost(struct companion *companion)
{
	char how[LINE_SIZE];

	if (companion->ops)
		companion->ops->lost(companion->name, end_text(&companion->end, how),
				     companion->context);
}

static void stop_timer(struct companion *companion)
{
	if (companion->timer < 0)
		return;
	loop_remove(companion->loop, companion->timer);
	close(companion->timer);
	companion->timer = -1;
}

static void grace_over(int fd, uint32_t events, void *context)
{
	struct companion *companion = context;

	stop_timer(companion);
	tell_lost(companion);
}

static void companion_ended(int fd, uint32_t events, void *context)
{
	const struct itimerspec grace = { .it_value = { .tv_sec = GRACE_MS / 1000 } };
	struct companion *companion = context;
	struct error ignored;

	loop_remove(companion->loop, fd);
	read_output(companion);
	close_output(companion);
	if (process_wait(&companion->process, &companion->end, &ignored) < 0)
		return;
	companion->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (companion->timer >= 0 && timerfd_settime(companion->timer, 0, &grace, NULL) == 0 &&
	    loop_add(companion->loop, companion->timer, EPOLLIN, grace_over, companion, &ignored) ==
		    0)
		return;
	/* Without a timer, too early is better than not at all. */
	if (companion->timer >= 0)
		close(companion->timer);
	companion->timer = -1;
	tell_lost(companion);
}

/* The whole life. */

static void companion_free(struct companion *companion)
{
	if (!companion)
		return;
	process_kill(&companion->process);
	if (companion->output >= 0 && companion->loop)
		loop_remove(companion->loop, companion->output);
	cleanup_fd_done(&companion->output);
	free(companion->name);
	free(companion);
}

static int start(struct companion *companion, const struct companion_config *config,
		 struct error *err)
{
	static char *const environment[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
					     (char *)"LC_ALL=C", NULL };
	struct process_fd fds[PROCESS_FDS_MAX];
	struct process_config child = { .argv = config->arguments->items,
					.fds = fds,
					.fd_count = config->fd_count,
					.new_session = true,
					.death_signal = SIGINT,
					.environment = environment };
	cleanup_fd int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cleanup_fd int theirs = -1;
	int ends[2];

	assert(config->fd_count + 3 <= PROCESS_FDS_MAX);
	if (null_fd < 0)
		return error_set(err, errno, "cannot open '/dev/null'");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot make a pipe");
	companion->output = ends[0];
	theirs = ends[1];
	/* Ours alone: its own end may block. */
	if (fcntl(companion->output, F_SETFL, O_NONBLOCK) < 0)
		return error_set(err, errno, "cannot make a pipe");

	if (config->fd_count)
		memcpy(fds, config->fds, config->fd_count * sizeof(fds[0]));
	fds[child.fd_count++] = (struct process_fd){ null_fd, STDIN_FILENO };
	fds[child.fd_count++] = (struct process_fd){ theirs, STDOUT_FILENO };
	fds[child.fd_count++] = (struct process_fd){ theirs, STDERR_FILENO };
	sigemptyset(&child.blocked);
	sigaddset(&child.blocked, SIGTERM);
	sigaddset(&child.blocked, SIGHUP);
	return process_start(&child, &companion->process, err);
}

int companion_start(struct companions *companions, const struct companion_config *config,
		    struct error *err)
{
	struct companion *companion;
	int ret;

	assert(companions->count < COMPANIONS_MAX);
	companion = config->arguments->failed ? NULL : calloc(1, sizeof(*companion));
	if (!companion)
		return error_set(err, ENOMEM, "cannot run '%s'", config->name);
	companion->process = (struct process)PROCESS_NONE;
	companion->output = -1;
	companion->timer = -1;
	companion->name = strdup(config->name);
	ret = companion->name ? start(companion, config, err)
			      : error_set(err, ENOMEM, "cannot run '%s'", config->name);
	if (ret) {
		companion_free(companion);
		return ret;
	}
	companions->items[companions->count++] = companion;
	return 0;
}

static int watch(struct companion *companion, struct error *err)
{
	int ret;

	ret = loop_add(companion->loop, companion->output, EPOLLIN, output_ready, companion, err);
	if (!ret)
		ret = loop_add(companion->loop, companion->process.pidfd, EPOLLIN, companion_ended,
			       companion, err);
	return ret;
}

int companions_watch(struct companions *companions, struct loop *loop,
		     const struct companion_ops *ops, void *context, struct error *err)
{
	int ret = 0;

	for (size_t i = 0; i < companions->count && !ret; i++) {
		struct companion *companion = companions->items[i];

		companion->loop = loop;
		companion->ops = ops;
		companion->context = context;
		ret = watch(companion, err);
	}
	return ret;
}

/* Whether it ends within GRACE_MS. What it says meanwhile, its pipe holds. */
static bool ends_soon(const struct companion *companion)
{
	struct pollfd ended = { .fd = companion->process.pidfd, .events = POLLIN };

	return poll(&ended, 1, GRACE_MS) > 0;
}

/* Waits for its own end, or makes one; returns whether it was its own. */
static bool end_process(struct companion *companion)
{
	struct error ignored;
	bool own;

	if (companion->loop)
		loop_remove(companion->loop, companion->process.pidfd);
	own = ends_soon(companion);
	if (!own) {
		process_signal(&companion->process, SIGINT);
		if (!ends_soon(companion))
			process_signal(&companion->process, SIGKILL);
	}
	return process_wait(&companion->process, &companion->end, &ignored) == 0 && own;
}

/*
 * One that failed may be why QEMU has ended: that is told, whichever of them was first. Of one that
 * ended well, what it thinks of QEMU's end is not.
 */
static void end(struct companion *companion)
{
	bool fresh = companion->timer >= 0;

	if (companion->timer >= 0)
		stop_timer(companion);
	if (companion->process.pid > 0)
		fresh = end_process(companion);
	if (fresh && (companion->end.si_code != CLD_EXITED || companion->end.si_status)) {
		read_output(companion);
		close_output(companion);
		tell_lost(companion);
	}
	companion_free(companion);
}

void companions_end(struct companions *companions)
{
	while (companions->count)
		end(companions->items[--companions->count]);
}
