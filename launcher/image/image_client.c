// SPDX-License-Identifier: GPL-2.0-or-later
// Runs the helper vmrun-image for one job and reads its result.
#include "launcher/image/image_client.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "launcher/common/argv.h"
#include "launcher/common/process.h"
#include "launcher/common/signals.h"
#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/protocol/libexec.h"

#define HELPER "vmrun-image"

static int start(const struct image_client_job *job, int result_fd, struct process *process,
		 struct error *err)
{
	cleanup_fd int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct process_fd fds[] = {
		{ job->input >= 0 ? job->input : null_fd, STDIN_FILENO },
		{ null_fd, STDOUT_FILENO },
		{ job->work, IMAGE_FD_WORK },
		{ result_fd, IMAGE_FD_RESULT },
	};
	/* In a new session, the terminal's signals reach only vmrun, which ends the helper. */
	struct process_config config = {
		.fds = fds,
		.fd_count = ARRAY_SIZE(fds),
		.new_session = true,
		.death_signal = SIGTERM,
	};
	struct argv argv = { 0 };
	char path[PATH_MAX];
	int ret;

	if (null_fd < 0)
		return error_set_errno(err, errno, "cannot open '/dev/null'");
	ret = libexec_find(HELPER, path, err);
	if (ret)
		return ret;
	argv_add(&argv, path, NULL);
	for (size_t i = 0; job->arguments[i]; i++)
		argv_add(&argv, job->arguments[i], NULL);
	sigemptyset(&config.blocked);
	config.argv = argv.items;
	ret = argv.failed ? error_set_errno(err, ENOMEM, "cannot run '%s'", path)
			  : process_start(&config, process, err);
	argv_done(&argv);
	return ret;
}

/* Waits for the helper's end, and ends it if a signal asks vmrun to end. */
static int wait_for_end(struct process *process, struct error *err)
{
	struct error ignored;
	siginfo_t end;
	int ret;

	do
		ret = signals_wait(process->pidfd, -1, err);
	while (ret == 0);
	if (ret > 0)
		return process_wait(process, &end, err);
	process_signal(process, SIGTERM);
	process_wait(process, &end, &ignored);
	return ret;
}

/* Threat: untrusted bytes took over the helper. Check: its text cannot act on a terminal. */
static void make_safe(char *text, size_t size, const char *also)
{
	text[size - 1] = '\0';
	if (text_clean(text, also))
		return;
	for (char *at = text; *at; at++)
		if ((*at < ' ' || *at > '~') && !strchr(also, *at))
			*at = '?';
}

static int take_result(int fd, struct image_result *result, struct error *err)
{
	struct image_result got;

	if (read(fd, &got, sizeof(got)) != (ssize_t)sizeof(got))
		return error_setf(err, STATUS_FAILURE, ECONNRESET,
				  "'" HELPER "' ended before it answered");
	if (got.version != IMAGE_VERSION)
		return error_setf(err, STATUS_FAILURE, EPROTO,
				  "'" HELPER "' is of another version than vmrun");
	make_safe(got.name, sizeof(got.name), "");
	make_safe(got.message, sizeof(got.message), "");
	make_safe(got.remedy, sizeof(got.remedy), "\n");
	*result = got;
	if (!got.code)
		return 0;

	memset(err, 0, sizeof(*err));
	err->code = got.code > 0 ? got.code : EIO;
	err->status = got.status >= STATUS_FAILURE && got.status <= STATUS_NETWORK
			      ? (enum exit_status)got.status
			      : STATUS_FAILURE;
	memcpy(err->message, got.message, sizeof(err->message));
	memcpy(err->remedy, got.remedy, sizeof(err->remedy));
	return -err->code;
}

int image_client_run(const struct image_client_job *job, struct image_result *result,
		     struct error *err)
{
	struct process process = PROCESS_NONE;
	cleanup_fd int read_end = -1;
	cleanup_fd int write_end = -1;
	int ends[2];
	int ret;

	assert(job->work >= 0);

	/* The result fits into a pipe's buffer, so vmrun can read it after the helper's end. */
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set_errno(err, errno, "cannot make a pipe");
	read_end = ends[0];
	write_end = ends[1];
	ret = start(job, write_end, &process, err);
	if (ret)
		return ret;
	close(take_fd(&write_end));
	ret = wait_for_end(&process, err);
	return ret ? ret : take_result(read_end, result, err);
}
