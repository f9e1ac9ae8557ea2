// SPDX-License-Identifier: GPL-2.0-or-later
// Loads a definition as the command line gives it, with or without its lock.
#include "launcher/lock/locked_load.h"

#include <errno.h>
#include <string.h>

#include "launcher/common/log.h"
#include "launcher/definition/load.h"
#include "launcher/lock/lock_verify.h"
#include "netsetup/base/cleanup.h"

static int load(const struct options *options, const char *path, struct definition *definition,
		struct error *err)
{
	cleanup_free char *report = NULL;
	int ret;

	if (options->accept_digest)
		ret = definition_load_unpinned(path, options->overrides, options->override_count,
					       definition, &report);
	else
		ret = definition_load(path, options->overrides, options->override_count, definition,
				      &report);
	if (ret == 0)
		return 0;
	if (!report)
		return error_set(err, ENOMEM, "cannot read '%s'", path);
	memset(err, 0, sizeof(*err));
	err->code = EINVAL;
	err->status = STATUS_DEFINITION;
	log_text(report);
	return -EINVAL;
}

int given_load(const struct options *options, const char *path, struct definition *definition,
	       struct error *err)
{
	cleanup_free char *report = NULL;
	int ret = load(options, path, definition, err);

	if (ret || !options->locked)
		return ret;
	ret = lock_verify(definition, options->quiet, &report, err);
	if (report)
		log_text(report);
	if (ret)
		definition_done(definition);
	return ret;
}
