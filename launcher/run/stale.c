// SPDX-License-Identifier: GPL-2.0-or-later
// Removes files that runs which died have left.
#include "launcher/run/stale.h"

#include "launcher/common/xdg.h"
#include "launcher/disks/digest_cache.h"
#include "launcher/disks/image_cache.h"
#include "launcher/run/runtime_dir.h"
#include "launcher/run/state_dir.h"

static void sweep_instance(const char *name, void *context)
{
	const struct sweep *const *sweep = context;

	instance_sweep(name, *sweep);
}

static void sweep_kept(const char *name, void *context)
{
	const struct sweep *const *sweep = context;

	keep_sweep(name, *sweep);
}

void sweep_user(const struct sweep *sweep)
{
	xdg_each(XDG_RUNTIME, sweep_instance, &sweep);
	xdg_each(XDG_DATA, sweep_kept, &sweep);
	cache_sweep(sweep);
	measure_sweep(sweep);
}
