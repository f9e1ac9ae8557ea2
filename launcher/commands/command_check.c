// SPDX-License-Identifier: GPL-2.0-or-later
// Checks definitions and reports every error.
#include "launcher/commands/command_check.h"

#include <errno.h>

#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/definition/definition.h"
#include "launcher/lock/locked_load.h"

int command_check(const struct options *options, struct launch *launch, struct error *err)
{
	int status = STATUS_OK;

	for (unsigned int i = 0; i < options->file_count; i++) {
		struct definition definition;
		struct error file_error = { 0 };
		int ret = locked_load_input(options, options->files[i], &definition, &file_error);

		if (ret < 0) {
			status = (int)file_error.status;
			if (file_error.message[0])
				log_error(&file_error);
			if (ret == -EINTR)
				break;
			continue;
		}
		log_notice("%s: VM '%s' is well defined%s", options->files[i], definition.name,
			   options->locked ? " and matches its lock file" : "");
		definition_done(&definition);
	}
	return status;
}
