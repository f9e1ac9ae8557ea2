// SPDX-License-Identifier: GPL-2.0-or-later
// Starts the network helpers while vmrun may still have root's rights.
#ifndef LAUNCHER_LAN_HELPERS_H
#define LAUNCHER_LAN_HELPERS_H

#include <stdbool.h>

#include "netsetup/protocol/netsetup.h"

/**
 * struct helpers - the started helpers.
 * @helper: its socket is -1 if it did not start.
 * @standby: takes over if the helper dies; its socket is -1 if there is none.
 * @error: the failure of the helper's start; code 0 if it started.
 * @as_root: vmrun was root when it started them.
 */
struct helpers {
	struct netsetup helper;
	struct netsetup standby;
	struct error error;
	bool as_root;
};

#define HELPERS_NONE                                                   \
	{                                                              \
		.helper = { .socket = -1 }, .standby = {.socket = -1 } \
	}

/**
 * helpers_start() - start the helper; a failure is in helpers->error.
 * @helpers: set to HELPERS_NONE.
 * @standby: also start a standby, if this process is root and may be about to lose its rights.
 */
void helpers_start(struct helpers *helpers, bool standby);

/* helpers_end() - end the helpers that no command has taken over. */
void helpers_end(struct helpers *helpers);

#endif
