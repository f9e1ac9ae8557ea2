// SPDX-License-Identifier: GPL-2.0-or-later
// Opens the connection to vmrun-netsetup while vmrun may still have root's rights.
#ifndef LAUNCHER_LAN_HELPERS_H
#define LAUNCHER_LAN_HELPERS_H

#include <stdbool.h>

#include "netsetup/protocol/netsetup.h"

/**
 * struct helpers - the connection.
 * @netsetup: its socket is -1 if it was not opened.
 * @error: the reason for that; code 0 if it was opened.
 * @as_root: vmrun was root when it opened it.
 */
struct helpers {
	struct netsetup netsetup;
	struct error error;
	bool as_root;
};

#define HELPERS_NONE                       \
	{                                  \
		.netsetup = NETSETUP_NONE, \
	}

/**
 * helpers_start() - open the connection; a failure is in helpers->error.
 * @helpers: set to HELPERS_NONE.
 * @dry_run: nothing is to be changed.
 */
void helpers_start(struct helpers *helpers, bool dry_run);

/* helpers_end() - end the connection, if no command has taken it over. */
void helpers_end(struct helpers *helpers);

#endif
