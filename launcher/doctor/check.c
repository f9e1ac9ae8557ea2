// SPDX-License-Identifier: GPL-2.0-or-later
// Fills in the finding of a check.
#include "launcher/doctor/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum grade checkup_say(struct error *said, enum grade grade, const char *format, ...)
{
	char message[ERROR_MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	error_say(said, STATUS_FAILURE, EIO, "%s", message);
	return grade;
}
