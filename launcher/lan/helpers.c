// SPDX-License-Identifier: GPL-2.0-or-later
// Opens the connection to vmrun-netsetup while vmrun may still have root's rights.
#include "launcher/lan/helpers.h"

#include <unistd.h>

void helpers_start(struct helpers *helpers, bool dry_run)
{
	struct error err;

	helpers->as_root = geteuid() == 0;
	if (netsetup_open(&helpers->netsetup, dry_run, &err) < 0)
		helpers->error = err;
}

void helpers_end(struct helpers *helpers)
{
	const struct netsetup_listener none = { 0 };

	netsetup_end(&helpers->netsetup, &none);
}
