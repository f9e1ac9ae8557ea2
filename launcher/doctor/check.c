// SPDX-License-Identifier: GPL-2.0-or-later
// Defines a check of the doctor and its finding.
#include "launcher/doctor/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum severity check_finding(struct error *finding, enum severity severity, const char *format, ...)
{
	char message[ERROR_MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	error_setf(finding, STATUS_FAILURE, EIO, "%s", message);
	return severity;
}
