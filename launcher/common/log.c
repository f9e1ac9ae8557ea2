// SPDX-License-Identifier: GPL-2.0-or-later
// Prints messages for the user; main and the commands print through this module only.
#include "launcher/common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static enum log_level shown = LOG_LEVEL_NOTICE;

void log_set(enum log_level level)
{
	shown = level;
}

/* Print the line in one write, so that lines of several processes do not mix. */
__attribute__((format(printf, 1, 0))) static void print_line(const char *format, va_list args)
{
	char line[ERROR_MESSAGE_SIZE * 2];

	vsnprintf(line, sizeof(line), format, args);
	fprintf(stderr, "vmrun: %s\n", line);
}

void log_notice(const char *format, ...)
{
	va_list args;

	if (shown < LOG_LEVEL_NOTICE)
		return;
	va_start(args, format);
	print_line(format, args);
	va_end(args);
}

void log_verbose(const char *format, ...)
{
	va_list args;

	if (shown < LOG_LEVEL_VERBOSE)
		return;
	va_start(args, format);
	print_line(format, args);
	va_end(args);
}

void log_error(const struct error *err)
{
	fprintf(stderr, "vmrun: %s\n", err->message);
	if (err->remedy[0])
		fprintf(stderr, "%s\n", err->remedy);
}

void log_text(const char *text)
{
	fputs(text, stderr);
}

void log_change(const char *command, bool to_stdout)
{
	if (to_stdout)
		printf("%s\n", command);
	else if (shown >= LOG_LEVEL_VERBOSE)
		fprintf(stderr, "+ %s\n", command);
}

void log_output(const char *text)
{
	const size_t length = strlen(text);

	fputs(text, stdout);
	if (length && text[length - 1] != '\n')
		putchar('\n');
}
