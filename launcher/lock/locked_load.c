// SPDX-License-Identifier: GPL-2.0-or-later
// Loads a definition and, with --locked, compares it with its lock file.
#include "launcher/lock/locked_load.h"

#include <errno.h>
#include <string.h>

#include "launcher/common/log.h"
#include "launcher/common/templates.h"
#include "launcher/definition/load.h"
#include "launcher/lock/lock_verify.h"
#include "netsetup/base/cleanup.h"

static int load(const struct options *options, const char *path, struct definition *definition,
		struct error *err)
{
	cleanup_free char *diagnostics = NULL;
	cleanup_free char *suggestion = NULL;
	int ret;

	if (options->accept_digest)
		ret = load_definition_unpinned(path, options->overrides, options->override_count,
					       definition, &diagnostics);
	else
		ret = load_definition(path, options->overrides, options->override_count, definition,
				      &diagnostics);
	if (diagnostics && (ret || !options->quiet))
		log_text(diagnostics);
	if (ret == 0)
		return 0;
	if (!diagnostics)
		return error_set_errno(err, ENOMEM, "cannot read '%s'", path);
	memset(err, 0, sizeof(*err));
	err->code = EINVAL;
	err->status = STATUS_DEFINITION;
	suggestion = ret == -ENOENT ? templates_suggest(path) : NULL;
	if (suggestion)
		log_text(suggestion);
	return -EINVAL;
}

int locked_load(const struct options *options, const char *path, struct definition *definition,
		struct error *err)
{
	cleanup_free char *diagnostics = NULL;
	int ret = load(options, path, definition, err);

	if (ret || !options->locked)
		return ret;
	ret = lock_verify(definition, options->quiet, &diagnostics, err);
	if (diagnostics)
		log_text(diagnostics);
	if (ret)
		definition_done(definition);
	return ret;
}
