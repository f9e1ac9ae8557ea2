// SPDX-License-Identifier: GPL-2.0-or-later
// The helper vmrun-image: started for one thing, waited for, and heard.
#ifndef LAUNCHER_IMAGE_IMAGE_CLIENT_H
#define LAUNCHER_IMAGE_IMAGE_CLIENT_H

#include <stddef.h>

#include "launcher/image/record.h"
#include "netsetup/base/error.h"

/**
 * struct image_client_job - one thing for it to do, see launcher/image/record.h.
 * @arguments: NULL-terminated, without the program's name.
 * @input: its standard input, or -1 for none.
 * @work: its IMAGE_FD_WORK.
 */
struct image_client_job {
	const char *const *arguments;
	int input;
	int work;
};

/**
 * image_client_run() - have it done. What it shows meanwhile, it writes to standard error itself.
 * @job: the thing.
 * @result: checked: all texts end, and are safe to show.
 * @err: the helper's own error, or why there is no answer of it; without a message after a signal.
 *
 * SIGINT, SIGTERM, SIGHUP and SIGQUIT end it early; they stay pending.
 *
 * Return: 0, -EINTR after one of those (the exit status is in @err), or another negative errno.
 */
int image_client_run(const struct image_client_job *job, struct image_result *result,
		     struct error *err);

#endif
