// SPDX-License-Identifier: GPL-2.0-or-later
// Loads a definition and, with --locked, compares it with its lock file.
#include "launcher/lock/locked_load.h"

#include <errno.h>
#include <string.h>

#include "launcher/common/input.h"
#include "launcher/common/log.h"
#include "launcher/common/templates.h"
#include "launcher/definition/load.h"
#include "launcher/lock/lock_verify.h"
#include "launcher/yaml/source.h"
#include "netsetup/base/cleanup.h"

/* Reports what a load_definition function has returned; warnings may come with success. */
static int load_report(const struct options *options, int ret, const char *path,
		       const char *diagnostics, struct error *err)
{
	cleanup_free char *suggestion = ret == -ENOENT ? templates_suggest(path) : NULL;

	if (diagnostics && (ret || !options->quiet))
		log_text(diagnostics);
	if (ret == 0)
		return 0;
	if (!diagnostics)
		return error_set_errno(err, ENOMEM, "cannot read '%s'", path);
	memset(err, 0, sizeof(*err));
	err->code = EINVAL;
	err->status = STATUS_DEFINITION;
	if (suggestion)
		log_text(suggestion);
	return -EINVAL;
}

static int load(const struct options *options, const char *path, struct definition *definition,
		struct error *err)
{
	cleanup_free char *diagnostics = NULL;
	int ret;

	if (options->accept_digest)
		ret = load_definition_unpinned(path, options->overrides, options->override_count,
					       definition, &diagnostics);
	else
		ret = load_definition(path, options->overrides, options->override_count, definition,
				      &diagnostics);
	return load_report(options, ret, path, diagnostics, err);
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

int locked_load_input(const struct options *options, const char *path,
		      struct definition *definition, struct error *err)
{
	cleanup_free char *diagnostics = NULL;
	cleanup_free char *bytes = NULL;
	size_t size;
	int ret;

	if (strcmp(path, "-") != 0)
		return locked_load(options, path, definition, err);
	if (options->locked)
		return error_setf(err, STATUS_USAGE, EINVAL,
				  "'--locked' needs a definition file, not standard input");
	ret = input_read(SOURCE_SIZE_MAX + 1, &bytes, &size, err);
	if (ret < 0)
		return ret;
	ret = load_definition_memory(path, bytes, size, options->overrides, options->override_count,
				     definition, &diagnostics);
	return load_report(options, ret, path, diagnostics, err);
}
