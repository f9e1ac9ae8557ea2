// SPDX-License-Identifier: GPL-2.0-or-later
// Starts the network helpers while vmrun may still have root's rights.
#include "launcher/lan/helpers.h"

#include <unistd.h>

void helpers_start(struct helpers *helpers, bool standby)
{
	struct error ignored;

	helpers->as_root = geteuid() == 0;
	if (netsetup_start(&helpers->helper, &helpers->error) == 0 && helpers->as_root && standby)
		netsetup_start(&helpers->standby, &ignored);
}

void helpers_end(struct helpers *helpers)
{
	const struct netsetup_listener none = { 0 };

	netsetup_end(&helpers->helper, &none);
	netsetup_end(&helpers->standby, &none);
}
