// SPDX-License-Identifier: GPL-2.0-or-later
// What the user reads on standard error; main and the commands it calls print through here only.
#ifndef LAUNCHER_COMMON_LOG_H
#define LAUNCHER_COMMON_LOG_H

#include <stdbool.h>

#include "netsetup/base/error.h"

enum log_level {
	LOG_LEVEL_QUIET, /* errors only */
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_VERBOSE,
};

/* log_set() - what is shown from now on; notices and errors until then. */
void log_set(enum log_level level);

/* log_notice(), log_verbose() - "vmrun: TEXT" when the level has it. */
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_verbose(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* log_error() - "vmrun: MESSAGE" and the remedy below it. */
void log_error(const struct error *err);

/* log_text() - a text that is laid out already, such as a definition's errors. */
void log_text(const char *text);

/* log_change() - a change to the host: "+ COMMAND", or bare on standard output for a dry run. */
void log_change(const char *command, bool to_stdout);

/* log_output() - a command's result, to standard output. */
void log_output(const char *text);

#endif
