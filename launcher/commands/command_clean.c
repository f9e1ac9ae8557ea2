// SPDX-License-Identifier: GPL-2.0-or-later
// Removes what dead runs have left on the host and among the user's files.
#include "launcher/commands/command_clean.h"

#include <unistd.h>

#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/run/launch.h"
#include "launcher/run/stale.h"
#include "netsetup/protocol/client.h"

/**
 * struct clean - one sweep.
 * @quiet: nothing is said.
 * @count: of what was swept.
 */
struct clean {
	bool quiet;
	unsigned int count;
};

static void say(const char *command, void *context)
{
	struct clean *clean = context;

	clean->count++;
	if (!clean->quiet)
		log_output(command);
}

static int clean_host(struct netsetup *helper, struct clean *clean, bool dry_run, struct error *err)
{
	const struct netsetup_listener listener = { .change = say, .context = clean };
	const struct netsetup_listener none = { 0 };
	int rc = netsetup_clean(helper, dry_run, &listener, err);

	netsetup_end(helper, &none);
	if (rc < 0 && err->status == STATUS_PERMISSION && geteuid() != 0 && !err->remedy[0])
		error_remedy(err, "your own files are swept; for the network: sudo vmrun clean");
	return rc;
}

int command_clean(const struct options *options, struct launch *launch, struct error *err)
{
	struct clean clean = { .quiet = options->quiet };
	const struct sweep user = { options->dry_run, say, &clean };
	struct helpers *helpers = &launch->helpers;
	int rc = -helpers->error.code;

	sweep_user(&user);
	if (rc == 0)
		rc = clean_host(&helpers->helper, &clean, options->dry_run, &helpers->error);
	if (rc < 0) {
		*err = helpers->error;
		return (int)err->status;
	}
	if (clean.count == 0 && !options->quiet)
		log_output("nothing to sweep");
	return STATUS_OK;
}
