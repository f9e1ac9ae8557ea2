// SPDX-License-Identifier: GPL-2.0-or-later
// The command clean: sweep what runs that died have left.
#include "launcher/commands/command_clean.h"

#include <unistd.h>

#include "launcher/common/log.h"
#include "launcher/common/privilege.h"
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

int clean_run(const struct options *options, struct error *err)
{
	struct clean clean = { .quiet = options->quiet };
	const struct sweep user = { options->dry_run, say, &clean };
	struct netsetup helper = { .socket = -1 };
	struct error helper_error = { 0 };
	int rc;

	/* While there may still be root's rights; the user's files are touched without them. */
	rc = netsetup_start(&helper, &helper_error);
	if (privilege_drop(err) < 0)
		return (int)err->status;
	sweep_user(&user);
	if (rc == 0)
		rc = clean_host(&helper, &clean, options->dry_run, &helper_error);
	if (rc < 0) {
		*err = helper_error;
		return (int)err->status;
	}
	if (clean.count == 0 && !options->quiet)
		log_output("nothing to sweep");
	return STATUS_OK;
}
