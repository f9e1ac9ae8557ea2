// SPDX-License-Identifier: GPL-2.0-or-later
// Starts what a command needs before vmrun drops root's rights.
#ifndef LAUNCHER_RUN_LAUNCH_H
#define LAUNCHER_RUN_LAUNCH_H

#include <stdbool.h>

#include "launcher/common/options.h"
#include "launcher/lan/lan_connection.h"
#include "launcher/run/detach.h"

/**
 * struct launch - the started processes.
 * @connection: the connection to vmrun-netsetup, for commands that need it.
 * @become: the user that main becomes instead of the caller; 0: the caller.
 * @system_list: a pipe with the system's VMs, a line of JSON each, for the command list, or -1.
 * @detach: the connection to the parent, for which the user waits, with --detach.
 */
struct launch {
	struct lan_connection connection;
	uid_t become;
	int system_list;
	struct detach detach;
};

#define LAUNCH_NONE                                                               \
	{                                                                         \
		.connection = LAN_CONNECTION_NONE, .system_list = -1, .detach = { \
			.parent = -1,                                             \
			.output = -1                                              \
		}                                                                 \
	}

/**
 * launch_start() - go into the background if --detach is given, and connect to vmrun-netsetup.
 *
 * A vmrun-netsetup that is started is a child of the background process, which waits for its end.
 * This function opens no file of the user's.
 * @launch: set to LAUNCH_NONE.
 * @status: the exit status, if 1 is returned.
 *
 * Return: 0; 1 in the process that has waited for the background one; or a negative errno.
 */
int launch_start(struct launch *launch, const struct options *options, int *status,
		 struct error *err);

/* launch_end() - end what the command has not taken over. */
void launch_end(struct launch *launch);

#endif
