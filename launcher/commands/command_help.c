// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the usage text, or the words of command lines for the completion scripts.
#include "launcher/commands/command_help.h"

#include <stdio.h>
#include <string.h>

#include "launcher/common/options.h"
#include "launcher/definition/keys.h"
#include "launcher/yaml/schema.h"

/* The paths of all keys of a definition, as --set has them. */
static void print_keys(const char *prefix, const struct keys *keys)
{
	char path[128];

	for (size_t i = 0; i < keys->count; i++) {
		const struct key *key = &keys->keys[i];
		const bool has_keys = key->type->shapes & NODE_MAPPING && key->detail;

		snprintf(path, sizeof(path), "%s%s%s", prefix, key->name, has_keys ? "." : "=");
		if (has_keys)
			print_keys(path, key->detail);
		else
			puts(path);
	}
}

int command_help(const struct options *options, struct launch *launch, struct error *err)
{
	const char *word = options->file_count ? options->files[0] : NULL;

	if (!options->words)
		options_usage(options, stdout);
	else if (word && strcmp(word, "keys") == 0)
		print_keys("", &definition_keys);
	else
		options_words(options, word, stdout);
	return STATUS_OK;
}
