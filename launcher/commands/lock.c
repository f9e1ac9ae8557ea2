// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the lock file of a definition.
#include "launcher/commands/lock.h"

#include <errno.h>

#include "launcher/common/log.h"
#include "launcher/common/privilege.h"
#include "launcher/lock/lock_make.h"
#include "launcher/lock/locked_load.h"
#include "launcher/lock/lockfile.h"
#include "netsetup/base/cleanup.h"

static int lock_definition(const struct definition *definition, bool quiet, struct error *err)
{
	cleanup_free char *path = lockfile_path(definition->path);
	struct lock lock = { 0 };
	bool changed = false;
	int ret;

	if (!path)
		return error_set(err, ENOMEM, "cannot lock '%s'", definition->path);
	ret = lock_make(definition, quiet, &lock, err);
	if (!ret)
		ret = lockfile_write(path, &lock, definition->path, &changed, err);
	if (!ret)
		log_notice(changed ? "wrote '%s': %s of QEMU %s"
				   : "'%s' is up to date: %s of QEMU %s",
			   path, lock.machine, lock.qemu);
	lock_done(&lock);
	return ret;
}

int lock_run(const struct options *options, struct error *err)
{
	struct definition definition;
	int ret;

	if (privilege_drop(err) < 0)
		return (int)err->status;
	ret = given_load(options, options->files[0], &definition, err);
	if (ret == 0) {
		ret = lock_definition(&definition, options->quiet, err);
		definition_done(&definition);
	}
	return ret < 0 ? (int)err->status : STATUS_OK;
}
