// SPDX-License-Identifier: GPL-2.0-or-later
// Runs the command lock.
#include "launcher/commands/lock.h"

#include "launcher/common/privilege.h"
#include "launcher/lock/lock_write.h"
#include "launcher/lock/locked_load.h"

int lock_run(const struct options *options, struct error *err)
{
	struct definition definition;
	int ret;

	if (privilege_drop(err) < 0)
		return (int)err->status;
	ret = given_load(options, options->files[0], &definition, err);
	if (ret == 0) {
		ret = lock_write(&definition, options->quiet, err);
		definition_done(&definition);
	}
	return ret < 0 ? (int)err->status : STATUS_OK;
}
