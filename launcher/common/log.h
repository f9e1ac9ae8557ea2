// SPDX-License-Identifier: GPL-2.0-or-later
// Prints messages for the user; main and the commands print through this module only.
#ifndef LAUNCHER_COMMON_LOG_H
#define LAUNCHER_COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "netsetup/base/error.h"

enum log_level {
	LOG_LEVEL_QUIET, /* errors only */
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_VERBOSE,
};

/* log_set() - set the level; the default is LOG_LEVEL_NOTICE. */
void log_set(enum log_level level);

/* log_notice(), log_verbose() - print "vmrun: TEXT" if the level includes it. */
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_verbose(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* log_error() - print "vmrun: MESSAGE" and the remedy below it. */
void log_error(const struct error *err);

/* log_text() - print formatted text, such as a definition's errors, as it is. */
void log_text(const char *text);

/* log_change() - print a change to the host: "+ COMMAND", or "COMMAND" on standard output. */
void log_change(const char *command, bool to_stdout);

/* log_output() - print a command's result to standard output, with a line end. */
void log_output(const char *text);

/* log_bytes() - print bytes to standard output as they are. */
void log_bytes(const char *bytes, size_t size);

/**
 * log_close_output() - write what standard output holds back, and close it.
 *
 * Return: 0, or a negative errno if any output since the start was lost. The error has no message
 *         if a pipe's reader has ended.
 */
int log_close_output(struct error *err);

#endif
