// SPDX-License-Identifier: GPL-2.0-or-later
// Runs the helper vmrun-image for one job and reads its result.
#ifndef LAUNCHER_IMAGE_IMAGE_CLIENT_H
#define LAUNCHER_IMAGE_IMAGE_CLIENT_H

#include <stddef.h>

#include "launcher/image/record.h"
#include "netsetup/base/error.h"

/**
 * struct image_client_job - a job for the helper, see launcher/image/record.h.
 * @arguments: NULL-terminated, without the program's name.
 * @input: the helper's standard input, or -1 for /dev/null.
 * @work: the helper's IMAGE_FD_WORK.
 */
struct image_client_job {
	const char *const *arguments;
	int input;
	int work;
};

/**
 * image_client_run() - run a job. The helper itself prints its progress to standard error.
 * @result: its texts are terminated and safe to show.
 * @err: the helper's error, or the reason why it sent no result; no message after -EINTR.
 *
 * SIGINT, SIGTERM, SIGHUP and SIGQUIT end the job early and stay pending.
 *
 * Return: 0; -EINTR after such a signal, with the exit status in @err; or another negative errno.
 */
int image_client_run(const struct image_client_job *job, struct image_result *result,
		     struct error *err);

#endif
