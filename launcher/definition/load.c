// SPDX-License-Identifier: GPL-2.0-or-later
// Loads a definition: reads it, checks it, and resolves 'auto'.
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
 * struct load - the state while a definition is loaded.
 * @source, @document: the file.
 * @user_data: the text of the user-data, which warnings quote.
 * @overrides, @override_count: the --set options.
 * @unpinned: true if images from URLs need no digest.
 */
struct load {
	struct source source;
	struct document document;
	struct source user_data;
	struct override *overrides;
	unsigned int override_count;
	bool unpinned;
	struct diagnostics diagnostics;
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

		diagnostics_add(&load->diagnostics, &(struct location){ .source = &load->source },
				"cannot find its directory: %s", strerror(code));
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
		int ret = override_parse(overrides[i], i + 1, &load->overrides[i],
					 &load->diagnostics);

		load->override_count = i + 1;
		if (ret == -ENOMEM)
			return ret;
	}
	return 0;
}

static int load_apply(struct load *load)
{
	struct node *root = load->document.root;

	if (root->kind != NODE_MAPPING) {
		diagnostics_add(&load->diagnostics, &root->location,
				"a definition must be a mapping of keys, not %s",
				document_kind_text(root));
		return -EINVAL;
	}
	for (unsigned int i = 0; i < load->override_count; i++) {
		int ret = override_apply(&load->overrides[i], &load->document, &load->diagnostics);

		if (ret == -ENOMEM)
			return ret;
	}
	return 0;
}

static int load_read(struct load *load)
{
	/* Not $HOME: under sudo it may be the home of another user. */
	const struct passwd *user = getpwuid(getuid());
	struct definition *definition = &load->definition;
	struct loader loader = {
		.diagnostics = &load->diagnostics,
		.directory = definition->directory,
		.unpinned = load->unpinned,
		.user_data = &load->user_data,
		.home = user && user->pw_dir && user->pw_dir[0] == '/' ? user->pw_dir : NULL,
	};
	int ret;

	schema_read_mapping(&loader, load->document.root, &keys_definition, definition);
	resolve_disks(definition);
	/* After a failed allocation, values have no origins, which the checks need. */
	if (!loader.failed) {
		validate_definition(&loader, definition, load->document.root);
		validate_files(&loader, definition);
	}
	ret = loader.failed || load->diagnostics.failed ? -ENOMEM : 0;
	schema_done(&loader);
	return ret;
}

/* Continues after an error as long as later errors do not depend on it. */
static int load_source(struct load *load, char *const overrides[], unsigned int count)
{
	int parsed = document_parse(&load->source, &load->document, &load->diagnostics);
	int ret = load_overrides(load, overrides, count);
	char machine_id[RESOLVE_MACHINE_ID_SIZE];

	if (parsed < 0 || ret < 0)
		return parsed < 0 ? parsed : ret;
	ret = load_apply(load);
	if (ret == 0)
		ret = load_read(load);
	if (ret < 0)
		return ret;
	if (load->diagnostics.count > load->diagnostics.warnings)
		return -EINVAL;
	resolve_machine_id(machine_id);
	resolve_definition(&load->definition, machine_id);
	return 0;
}

static void load_done(struct load *load)
{
	diagnostics_done(&load->diagnostics);
	for (unsigned int i = 0; i < load->override_count; i++)
		override_done(&load->overrides[i]);
	free(load->overrides);
	document_done(&load->document);
	source_done(&load->source);
	source_done(&load->user_data);
	definition_done(&load->definition);
}

/* @ret: result of reading load->source. */
static int load_finish(struct load *load, int ret, char *const overrides[], unsigned int count,
		       struct definition *definition, char **diagnostics)
{
	if (ret == 0)
		ret = load_directory(load, load->source.name);
	if (ret == 0)
		ret = load_source(load, overrides, count);
	if (ret != -ENOMEM && load->diagnostics.count) {
		*diagnostics = diagnostics_text(&load->diagnostics);
		ret = *diagnostics ? ret : -ENOMEM;
	}
	if (ret == 0) {
		*definition = load->definition;
		memset(&load->definition, 0, sizeof(load->definition));
	}
	load_done(load);
	return ret;
}

static int load_file(const char *path, char *const overrides[], unsigned int override_count,
		     bool unpinned, struct definition *definition, char **diagnostics)
{
	cleanup_free struct load *load = calloc(1, sizeof(*load));
	int ret;

	*diagnostics = NULL;
	if (!load)
		return -ENOMEM;
	load->unpinned = unpinned;
	ret = source_open(path, &load->source, &load->diagnostics);
	return load_finish(load, ret, overrides, override_count, definition, diagnostics);
}

int load_definition(const char *path, char *const overrides[], unsigned int override_count,
		    struct definition *definition, char **diagnostics)
{
	return load_file(path, overrides, override_count, false, definition, diagnostics);
}

int load_definition_unpinned(const char *path, char *const overrides[], unsigned int override_count,
			     struct definition *definition, char **diagnostics)
{
	return load_file(path, overrides, override_count, true, definition, diagnostics);
}

int load_definition_memory(const char *name, const void *bytes, size_t size,
			   char *const overrides[], unsigned int override_count,
			   struct definition *definition, char **diagnostics)
{
	cleanup_free struct load *load = calloc(1, sizeof(*load));
	int ret;

	*diagnostics = NULL;
	if (!load)
		return -ENOMEM;
	ret = source_from_memory(name, bytes, size, &load->source, &load->diagnostics);
	return load_finish(load, ret, overrides, override_count, definition, diagnostics);
}
