// SPDX-License-Identifier: GPL-2.0-or-later
// Opens the connection to vmrun-netsetup while vmrun may still have root's rights.
#include "launcher/lan/lan_connection.h"

#include <unistd.h>

void lan_connection_open(struct lan_connection *connection, bool dry_run)
{
	struct error err;

	connection->as_root = geteuid() == 0;
	if (netsetup_open(&connection->netsetup, dry_run, &err) < 0)
		connection->error = err;
}

void lan_connection_end(struct lan_connection *connection)
{
	const struct netsetup_listener none = { 0 };

	netsetup_end(&connection->netsetup, &none);
}
