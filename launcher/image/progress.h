// SPDX-License-Identifier: GPL-2.0-or-later
// Shows the progress of a download or of the reading of a file.
#ifndef LAUNCHER_IMAGE_PROGRESS_H
#define LAUNCHER_IMAGE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * progress_begin() - a download begins; shown on standard error.
 * @url: where from.
 * @quiet: show nothing, now and later.
 */
void progress_begin(const char *url, bool quiet);

/**
 * progress_begin_file() - the reading of a file begins; shown on a terminal only, for it is over
 * soon.
 * @path: of the file, of any bytes.
 * @quiet: show nothing, now and later.
 */
void progress_begin_file(const char *path, bool quiet);

/**
 * progress_show() - how far it is; may be called as often as one likes.
 * @done: bytes that are there.
 * @total: of how many, 0 when that is not known.
 */
void progress_show(uint64_t done, uint64_t total);

/* progress_say() - a line of its own, "vmrun: TEXT". */
void progress_say(const char *text);

/* progress_end() - take the bar away; safe in a signal handler. */
void progress_end(void);

/* progress_finished() - all is there: say so. */
void progress_finished(uint64_t done);

#endif
