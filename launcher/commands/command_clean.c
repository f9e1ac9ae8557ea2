// SPDX-License-Identifier: GPL-2.0-or-later
// Removes what dead runs have left on the host and in the user's directories.
#include "launcher/commands/command_clean.h"

#include <unistd.h>

#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/run/launch.h"
#include "launcher/run/stale.h"
#include "netsetup/protocol/netsetup.h"

/**
 * struct clean - the output of one run of the command.
 * @quiet: print nothing.
 * @count: number of removals.
 */
struct clean {
	bool quiet;
	unsigned int count;
};

static void print_change(const char *command, void *context)
{
	struct clean *clean = context;

	clean->count++;
	if (!clean->quiet)
		log_output(command);
}

static int clean_host(struct lan_connection *connection, struct clean *clean, bool dry_run,
		      struct error *err)
{
	const struct netsetup_listener listener = { .change = print_change, .context = clean };
	int ret = -connection->error.code;

	*err = connection->error;
	if (ret == 0)
		ret = netsetup_clean(&connection->netsetup, dry_run, &listener, err);
	lan_connection_end(connection);
	if (ret < 0 && err->status == STATUS_PERMISSION && geteuid() != 0 && !err->remedy[0])
		error_remedy(err, "your files are clean; clean the network: sudo vmrun clean");
	return ret;
}

int command_clean(const struct options *options, struct launch *launch, struct error *err)
{
	struct clean clean = { .quiet = options->quiet };
	const struct removal user = { options->dry_run, print_change, &clean };

	stale_remove(&user);
	if (clean_host(&launch->connection, &clean, options->dry_run, err) < 0)
		return (int)err->status;
	if (clean.count == 0 && !options->quiet)
		log_output("nothing to clean");
	return STATUS_OK;
}
