// SPDX-License-Identifier: GPL-2.0-or-later
// Prints messages for the user; main and the commands print through this module only.
#include "launcher/common/log.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static enum log_level shown = LOG_LEVEL_NOTICE;

/* The first error of a write to standard output: stdio remembers only that there was one. */
static int output_error;

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

static void note_output(void)
{
	if (!output_error && ferror(stdout))
		output_error = errno ? errno : EIO;
}

void log_change(const char *command, bool to_stdout)
{
	if (to_stdout)
		log_output(command);
	else if (shown >= LOG_LEVEL_VERBOSE)
		fprintf(stderr, "+ %s\n", command);
}

void log_output(const char *text)
{
	const size_t length = strlen(text);

	log_bytes(text, length);
	if (length && text[length - 1] != '\n')
		log_bytes("\n", 1);
}

void log_bytes(const char *bytes, size_t size)
{
	fwrite(bytes, 1, size, stdout);
	note_output();
}

int log_close_output(struct error *err)
{
	note_output();
	/* A network file system or a quota may report the error of a write at close(2). */
	if (fclose(stdout) != 0 && !output_error)
		output_error = errno;
	if (!output_error)
		return 0;
	error_set_errno(err, output_error, "cannot write to standard output");
	if (output_error == EPIPE) {
		/* The reader wanted no more, as head(1) does. */
		err->message[0] = '\0';
		err->status = (enum exit_status)(STATUS_SIGNAL + SIGPIPE);
	}
	return -output_error;
}
