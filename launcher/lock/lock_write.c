// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the lock file of a definition.
#include "launcher/lock/lock_write.h"

#include <errno.h>

#include "launcher/common/log.h"
#include "launcher/lock/lock_make.h"
#include "launcher/lock/lockfile.h"
#include "netsetup/base/cleanup.h"

int lock_write(const struct definition *definition, bool quiet, struct error *err)
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
