// SPDX-License-Identifier: GPL-2.0-or-later
// Shows the progress of a download or of reading a file.
#ifndef LAUNCHER_IMAGE_PROGRESS_H
#define LAUNCHER_IMAGE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * progress_begin() - begin to show a download on standard error.
 * @quiet: true to show nothing, until the next begin.
 */
void progress_begin(const char *url, bool quiet);

/**
 * progress_begin_file() - begin to show the reading of a file, on a terminal only: it is short.
 * @path: path of the file, of any bytes.
 * @quiet: true to show nothing, until the next begin.
 */
void progress_begin_file(const char *path, bool quiet);

/**
 * progress_show() - show the progress; drops calls that follow too fast.
 * @done: number of bytes so far.
 * @total: number of all bytes, 0 if unknown.
 */
void progress_show(uint64_t done, uint64_t total);

/* progress_print() - print the line "vmrun: TEXT". */
void progress_print(const char *text);

/* progress_end() - erase the bar; safe in a signal handler. */
void progress_end(void);

/* progress_finished() - print the size, the time and the rate of a finished download. */
void progress_finished(uint64_t done);

#endif
