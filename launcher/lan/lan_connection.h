// SPDX-License-Identifier: GPL-2.0-or-later
// Opens the connection to vmrun-netsetup while vmrun may still have root's rights.
#ifndef LAUNCHER_LAN_LAN_CONNECTION_H
#define LAUNCHER_LAN_LAN_CONNECTION_H

#include <stdbool.h>

#include "netsetup/protocol/netsetup.h"

/**
 * struct lan_connection - the connection.
 * @netsetup: its socket is -1 if it was not opened.
 * @error: the reason for that; code 0 if it was opened.
 * @as_root: vmrun was root when it opened it.
 */
struct lan_connection {
	struct netsetup netsetup;
	struct error error;
	bool as_root;
};

#define LAN_CONNECTION_NONE                \
	{                                  \
		.netsetup = NETSETUP_NONE, \
	}

/**
 * lan_connection_open() - open the connection; a failure is in connection->error.
 * @connection: set to LAN_CONNECTION_NONE.
 * @dry_run: nothing is to be changed.
 */
void lan_connection_open(struct lan_connection *connection, bool dry_run);

/* lan_connection_end() - end the connection, if no command has taken it over. */
void lan_connection_end(struct lan_connection *connection);

#endif
