// SPDX-License-Identifier: GPL-2.0-or-later
// Runs qemu-img(1) to create or grow an overlay, or to check an image.
#include "launcher/disks/qemu_img.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "launcher/common/argv.h"
#include "launcher/common/process.h"
#include "launcher/common/signals.h"
#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"

/* The size of qemu-img's message; the rest is discarded. */
#define MESSAGE_SIZE 1024

/* Exit statuses of `qemu-img check` (qemu-img(1)); clusters that nobody uses do no harm. */
#define CHECK_ERRORS 2
#define CHECK_LEAKS  3

/* Sets of exit statuses. */
#define STATUS_SET_DONE    (1u << 0)
#define STATUS_SET_CHECKED (1u << 0 | 1u << CHECK_ERRORS | 1u << CHECK_LEAKS)

static int start(const struct argv *argv, int output, struct process *process, struct error *err)
{
	cleanup_fd int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct process_fd fds[] = {
		{ null_fd, STDIN_FILENO },
		{ output, STDOUT_FILENO },
		{ output, STDERR_FILENO },
	};
	/* A new session keeps Ctrl-C from qemu-img: vmrun gets it and cleans up. */
	struct process_config config = {
		.argv = argv->items,
		.fds = fds,
		.fd_count = ARRAY_SIZE(fds),
		.new_session = true,
		.death_signal = SIGKILL,
	};
	int ret;

	if (null_fd < 0)
		return error_set_errno(err, errno, "cannot open '/dev/null'");
	sigemptyset(&config.blocked);
	ret = process_start(&config, process, err);
	if (ret == -ENOENT)
		error_remedy(err, "install it: sudo apt-get install qemu-utils");
	return ret;
}

/*
 * Reads up to end-of-file. Returns the first line, which is the reason, without "qemu-img: ".
 * Fails with -EINTR if a signal asks vmrun to end.
 */
static int read_message(int fd, char message[MESSAGE_SIZE], struct error *err)
{
	static const char prefix[] = "qemu-img: ";
	size_t used = 0;
	char rest[512];
	ssize_t got;

	for (;;) {
		const size_t room = MESSAGE_SIZE - 1 - used;
		const int ret = signals_wait(fd, -1, err);

		if (ret < 0)
			return ret;
		if (ret == 0)
			continue;
		got = room ? read(fd, message + used, room) : read(fd, rest, sizeof(rest));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		if (room)
			used += got;
	}
	message[used] = '\0';
	message[strcspn(message, "\n")] = '\0';
	if (!strncmp(message, prefix, strlen(prefix)))
		memmove(message, message + strlen(prefix), strlen(message + strlen(prefix)) + 1);
	return 0;
}

/* Runs qemu-img to its end and returns its exit status, 0 or more, and its message. */
static int run_to_end(const struct argv *argv, char message[MESSAGE_SIZE], struct error *err)
{
	struct process process = PROCESS_NONE;
	siginfo_t end;
	int pipe_fds[2];
	int ret;

	if (argv->failed)
		return error_set_errno(err, ENOMEM, "cannot start qemu-img");
	if (pipe2(pipe_fds, O_CLOEXEC))
		return error_set_errno(err, errno, "cannot make a pipe");
	ret = start(argv, pipe_fds[1], &process, err);
	close(pipe_fds[1]);
	if (!ret)
		ret = read_message(pipe_fds[0], message, err);
	close(pipe_fds[0]);
	if (!ret)
		ret = process_wait(&process, &end, err);
	process_kill(&process);
	if (ret)
		return ret;
	if (end.si_code == CLD_EXITED)
		return end.si_status;
	return error_setf(err, STATUS_FAILURE, EIO, "qemu-img was killed by %s",
			  strsignal(end.si_status));
}

/**
 * struct job - a run of qemu-img.
 * @what, @subject: "make an overlay of image" and its path, for messages.
 * @temporary: file whose name does not belong into a message, or NULL.
 */
struct job {
	const char *what;
	const char *subject;
	const char *temporary;
};

/* Returns the part of the message that does not name the temporary file. */
static const char *reason(const struct job *job, const char *message)
{
	const char *colon;

	while (job->temporary && strstr(message, job->temporary) && (colon = strstr(message, ": ")))
		message = colon + 2;
	return message[0] && text_clean(message, "\t") ? message : "qemu-img failed";
}

/* Runs qemu-img and frees the arguments. Returns its exit status if it is in the set @accepted. */
static int run_qemu_img(struct argv *argv, const struct job *job, unsigned int accepted,
			struct error *err)
{
	char message[MESSAGE_SIZE] = "";
	const int ret = run_to_end(argv, message, err);

	argv_done(argv);
	if (ret < 0) {
		error_context(err, "cannot %s '%s'", job->what, job->subject);
		return ret;
	}
	if (ret < 32 && accepted & 1u << ret)
		return ret;
	return error_setf(err, STATUS_FAILURE, EIO, "cannot %s '%s': %s", job->what, job->subject,
			  reason(job, message));
}

int qemu_img_create(const char *path, const char *base, enum disk_format base_format, uint64_t size,
		    struct error *err)
{
	const struct job job = { base ? "make an overlay of image" : "make disk",
				 base ? base : strrchr(path, '/') + 1, path };
	struct argv argv = { 0 };

	/* An absolute path is never taken for a protocol ("nbd:...") or an option. */
	assert(path[0] == '/' && (base ? base[0] == '/' && base_format != DISK_FORMAT_AUTO : size));
	argv_add(&argv, "qemu-img", "create", "-q", "-f", "qcow2", NULL);
	if (base)
		argv_add(&argv, "-F", base_format == DISK_FORMAT_QCOW2 ? "qcow2" : "raw", "-b",
			 base, NULL);
	argv_add(&argv, path, NULL);
	if (size)
		argv_addf(&argv, "%" PRIu64, size);
	return run_qemu_img(&argv, &job, STATUS_SET_DONE, err);
}

int qemu_img_grow(const char *path, uint64_t size, struct error *err)
{
	const struct job job = { "grow", path, NULL };
	struct argv argv = { 0 };

	assert(path[0] == '/');
	argv_add(&argv, "qemu-img", "resize", "-q", "-f", "qcow2", path, NULL);
	argv_addf(&argv, "%" PRIu64, size);
	return run_qemu_img(&argv, &job, STATUS_SET_DONE, err);
}

int qemu_img_check(const char *path, struct error *err)
{
	const struct job job = { "check image", path, NULL };
	struct argv argv = { 0 };
	int ret;

	assert(path[0] == '/');
	argv_add(&argv, "qemu-img", "check", "-q", "-f", "qcow2", path, NULL);
	ret = run_qemu_img(&argv, &job, STATUS_SET_CHECKED, err);
	if (ret != CHECK_ERRORS)
		return ret < 0 ? ret : 0;
	error_setf(err, STATUS_FAILURE, EINVAL,
		   "cannot use image '%s': it is damaged or was cut off", path);
	error_remedy(err, "get the image again; qemu-img check %s shows the errors",
		     ARGV_WORD(path));
	return -EINVAL;
}
