// SPDX-License-Identifier: GPL-2.0-or-later
// Loads a definition: reads it, checks it, and resolves what 'auto' stands for.
#include "launcher/definition/load.h"

#include <errno.h>
#include <libgen.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/definition/keys.h"
#include "launcher/definition/resolve.h"
#include "launcher/definition/validate.h"
#include "launcher/definition/validate_files.h"
#include "launcher/yaml/diagnostics.h"
#include "launcher/yaml/document.h"
#include "launcher/yaml/override.h"
#include "launcher/yaml/schema.h"
#include "launcher/yaml/source.h"
#include "netsetup/base/cleanup.h"

/**
 * struct load - a definition being loaded.
 * @source, @document: the file.
 * @overrides, @override_count: the --set options.
 * @unpinned: images from URLs need no digest.
 * @report: all errors.
 * @definition: being filled.
 */
struct load {
	struct source source;
	struct document document;
	struct override *overrides;
	unsigned int override_count;
	bool unpinned;
	struct report report;
	struct definition definition;
};

static int load_directory(struct load *load, const char *path)
{
	cleanup_free char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	load->definition.path = strdup(path);
	load->definition.directory = realpath(dirname(copy), NULL);
	if (!load->definition.path)
		return -ENOMEM;
	if (!load->definition.directory) {
		int code = errno;

		report_add(&load->report, &(struct place){ .source = &load->source },
			   "its directory cannot be found: %s", strerror(code));
		return -code;
	}
	return 0;
}

static int load_overrides(struct load *load, char *const overrides[], unsigned int count)
{
	load->overrides = calloc(count ? count : 1, sizeof(*load->overrides));
	if (!load->overrides)
		return -ENOMEM;
	for (unsigned int i = 0; i < count; i++) {
		int result = override_parse(overrides[i], i + 1, &load->overrides[i],
					    &load->report);

		load->override_count = i + 1;
		if (result == -ENOMEM)
			return result;
	}
	return 0;
}

static int load_apply(struct load *load)
{
	struct node *root = load->document.root;

	if (root->kind != NODE_MAPPING) {
		report_add(&load->report, &root->place,
			   "a definition must be a mapping of keys, not %s", node_kind_text(root));
		return -EINVAL;
	}
	for (unsigned int i = 0; i < load->override_count; i++) {
		int result = override_apply(&load->overrides[i], &load->document, &load->report);

		if (result == -ENOMEM)
			return result;
	}
	return 0;
}

static int load_read(struct load *load)
{
	/* Not $HOME, which under sudo may be another user's. */
	const struct passwd *user = getpwuid(getuid());
	struct definition *definition = &load->definition;
	struct walk walk = {
		.report = &load->report,
		.directory = definition->directory,
		.unpinned = load->unpinned,
		.home = user && user->pw_dir && user->pw_dir[0] == '/' ? user->pw_dir : NULL,
	};
	int result;

	walk_mapping(&walk, load->document.root, &definition_keys, definition);
	resolve_disks(definition);
	/* What was read is only known where it stands if there was memory for that. */
	if (!walk.failed) {
		validate_definition(&walk, definition, load->document.root);
		validate_files(&walk, definition);
	}
	result = walk.failed || load->report.failed ? -ENOMEM : 0;
	walk_done(&walk);
	return result;
}

/* Goes on after an error as long as what follows can be told without it. */
static int load_source(struct load *load, char *const overrides[], unsigned int count)
{
	int parsed = document_parse(&load->source, &load->document, &load->report);
	int result = load_overrides(load, overrides, count);
	char machine_id[MACHINE_ID_SIZE];

	if (parsed < 0 || result < 0)
		return parsed < 0 ? parsed : result;
	result = load_apply(load);
	if (result == 0)
		result = load_read(load);
	if (result < 0)
		return result;
	if (load->report.count)
		return -EINVAL;
	resolve_machine_id(machine_id);
	resolve_definition(&load->definition, machine_id);
	return 0;
}

static void load_done(struct load *load)
{
	report_done(&load->report);
	for (unsigned int i = 0; i < load->override_count; i++)
		override_done(&load->overrides[i]);
	free(load->overrides);
	document_done(&load->document);
	source_done(&load->source);
	definition_done(&load->definition);
}

/* @result is that of filling load->source. */
static int load_finish(struct load *load, int result, char *const overrides[], unsigned int count,
		       struct definition *definition, char **report)
{
	if (result == 0)
		result = load_directory(load, load->source.name);
	if (result == 0)
		result = load_source(load, overrides, count);
	if (result == 0) {
		*definition = load->definition;
		memset(&load->definition, 0, sizeof(load->definition));
	} else if (result != -ENOMEM) {
		*report = report_text(&load->report);
		result = *report ? result : -ENOMEM;
	}
	load_done(load);
	return result;
}

static int load_file(const char *path, char *const overrides[], unsigned int override_count,
		     bool unpinned, struct definition *definition, char **report)
{
	cleanup_free struct load *load = calloc(1, sizeof(*load));
	int result;

	*report = NULL;
	if (!load)
		return -ENOMEM;
	load->unpinned = unpinned;
	result = source_open(path, &load->source, &load->report);
	return load_finish(load, result, overrides, override_count, definition, report);
}

int definition_load(const char *path, char *const overrides[], unsigned int override_count,
		    struct definition *definition, char **report)
{
	return load_file(path, overrides, override_count, false, definition, report);
}

int definition_load_unpinned(const char *path, char *const overrides[], unsigned int override_count,
			     struct definition *definition, char **report)
{
	return load_file(path, overrides, override_count, true, definition, report);
}

int definition_load_memory(const char *name, const void *bytes, size_t size,
			   char *const overrides[], unsigned int override_count,
			   struct definition *definition, char **report)
{
	cleanup_free struct load *load = calloc(1, sizeof(*load));
	int result;

	*report = NULL;
	if (!load)
		return -ENOMEM;
	result = source_from_memory(name, bytes, size, &load->source, &load->report);
	return load_finish(load, result, overrides, override_count, definition, report);
}
