// SPDX-License-Identifier: GPL-2.0-or-later
// Starts what a command needs before vmrun drops root's rights.
#include "launcher/run/launch.h"

#include <stdlib.h>
#include <unistd.h>

int launch_start(struct launch *launch, const struct options *options, int *status,
		 struct error *err)
{
	int ret = 0;

	if (options->detach && !options->dry_run)
		ret = detach_start(&launch->detach, options->wait, status, err);
	if (ret == 0 && !launch->detach.ready.name[0])
		lan_connection_open(&launch->connection, options->dry_run);
	return ret;
}

void launch_end(struct launch *launch)
{
	lan_connection_end(&launch->connection);
	if (launch->system_list >= 0)
		close(launch->system_list);
}
