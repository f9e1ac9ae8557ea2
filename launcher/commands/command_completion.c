// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the completion script of a shell.
#include "launcher/commands/command_completion.h"

#include <errno.h>
#include <string.h>

#include "completion_scripts.h"
#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "netsetup/base/cleanup.h"

int command_completion(const struct options *options, struct launch *launch, struct error *err)
{
	static const struct {
		const char *name;
		const char *script;
	} shells[] = { { "bash", vmrun_bash }, { "zsh", _vmrun }, { "fish", vmrun_fish } };

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		if (strcmp(options->files[0], shells[i].name) != 0)
			continue;
		log_output(shells[i].script);
		return STATUS_OK;
	}
	error_setf(err, STATUS_USAGE, EINVAL, "'%s' is not one of bash, zsh and fish",
		   options->files[0]);
	return STATUS_USAGE;
}
