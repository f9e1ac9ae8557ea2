// SPDX-License-Identifier: GPL-2.0-or-later
// Reports each change to the host before it is made.
#include "netsetup/host/report.h"

#include <stdarg.h>
#include <stdio.h>

#include "netsetup/protocol/protocol.h"

bool host_report(struct host *host, const char *format, ...)
{
	char command[CHANGE_TEXT_SIZE];
	va_list args;

	if (host->report) {
		va_start(args, format);
		vsnprintf(command, sizeof(command), format, args);
		va_end(args);
		host->report(command, host->context);
	}
	return !host->dry_run;
}
