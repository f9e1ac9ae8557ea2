// SPDX-License-Identifier: GPL-2.0-or-later
// Removes stale files of runs that died.
#include "launcher/run/stale.h"

#include "launcher/common/xdg.h"
#include "launcher/disks/digest_cache.h"
#include "launcher/disks/image_cache.h"
#include "launcher/run/runtime_dir.h"
#include "launcher/run/state_dir.h"

static void remove_runtime_dir(const char *name, void *context)
{
	const struct removal *const *removal = context;

	runtime_dir_remove_stale(name, *removal);
}

static void remove_state_dir(const char *name, void *context)
{
	const struct removal *const *removal = context;

	state_dir_remove_stale(name, *removal);
}

void stale_remove(const struct removal *removal)
{
	xdg_each(XDG_RUNTIME, remove_runtime_dir, &removal);
	xdg_each(XDG_DATA, remove_state_dir, &removal);
	image_cache_remove_stale(removal);
	digest_cache_remove_stale(removal);
}
