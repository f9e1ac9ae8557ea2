// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the usage text.
#include "launcher/commands/command_help.h"

#include <stdio.h>

#include "launcher/common/options.h"

int command_help(const struct options *options, struct launch *launch, struct error *err)
{
	options_usage(options, stdout);
	return STATUS_OK;
}
