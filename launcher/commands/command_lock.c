// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the lock file of a definition.
#include "launcher/commands/command_lock.h"

#include "launcher/common/options.h"
#include "launcher/definition/definition.h"
#include "launcher/lock/lock_write.h"
#include "launcher/lock/locked_load.h"

int command_lock(const struct options *options, struct launch *launch, struct error *err)
{
	struct definition definition;
	int ret;

	ret = given_load(options, options->files[0], &definition, err);
	if (ret == 0) {
		ret = lock_write(&definition, options->quiet, err);
		definition_done(&definition);
	}
	return ret < 0 ? (int)err->status : STATUS_OK;
}
