// SPDX-License-Identifier: GPL-2.0-or-later
// Fills an error where a call fails, for main() to print.
#include "netsetup/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Ends a truncated text in "...", so that nobody takes it for a complete one. */
static void mark_cut(char *text, size_t size, int needed)
{
	if (needed >= (int)size)
		memcpy(text + size - 4, "...", 4);
}

__attribute__((format(printf, 3, 4))) static int append(char *text, size_t size, const char *format,
							...)
{
	size_t used = strlen(text);
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text + used, size - used, format, args);
	va_end(args);
	mark_cut(text, size, length < 0 ? 0 : (int)used + length);
	return length;
}

static void start(struct error *err, enum exit_status status, int code)
{
	memset(err, 0, sizeof(*err));
	err->code = code;
	err->status = status;
}

int error_set_errno(struct error *err, int code, const char *format, ...)
{
	va_list args;

	start(err, code == EPERM || code == EACCES ? STATUS_PERMISSION : STATUS_FAILURE, code);
	va_start(args, format);
	mark_cut(err->message, sizeof(err->message),
		 vsnprintf(err->message, sizeof(err->message), format, args));
	va_end(args);
	append(err->message, sizeof(err->message), ": %s", strerror(code));
	return -code;
}

int error_setf(struct error *err, enum exit_status status, int code, const char *format, ...)
{
	va_list args;

	start(err, status, code);
	va_start(args, format);
	mark_cut(err->message, sizeof(err->message),
		 vsnprintf(err->message, sizeof(err->message), format, args));
	va_end(args);
	return -code;
}

void error_remedy(struct error *err, const char *format, ...)
{
	char line[ERROR_REMEDY_SIZE];
	va_list args;

	va_start(args, format);
	mark_cut(line, sizeof(line), vsnprintf(line, sizeof(line), format, args));
	va_end(args);
	append(err->remedy, sizeof(err->remedy), "%s%s", err->remedy[0] ? "\n" : "", line);
}

void error_context(struct error *err, const char *format, ...)
{
	char message[ERROR_MESSAGE_SIZE];
	va_list args;

	memcpy(message, err->message, sizeof(message));
	va_start(args, format);
	mark_cut(err->message, sizeof(err->message),
		 vsnprintf(err->message, sizeof(err->message), format, args));
	va_end(args);
	append(err->message, sizeof(err->message), ": %s", message);
}
