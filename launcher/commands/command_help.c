// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the usage text, or the words of command lines for the completion scripts.
#include "launcher/commands/command_help.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/common/text.h"
#include "launcher/definition/keys.h"
#include "launcher/yaml/schema.h"

/* Prints the paths of all keys of a definition in the form of --set. */
static void print_keys(const char *prefix, const struct keys *keys)
{
	char path[128];

	for (size_t i = 0; i < keys->count; i++) {
		const struct key *key = &keys->keys[i];
		const bool is_mapping = key->type->node_kinds & NODE_MAPPING && key->constraint;

		snprintf(path, sizeof(path), "%s%s%s", prefix, key->name, is_mapping ? "." : "=");
		if (is_mapping)
			print_keys(path, key->constraint);
		else
			log_output(path);
	}
}

static int no_command(const struct options *options, const char *word, struct error *err)
{
	const char *meant = text_nearest(word, options->commands, options->command_count,
					 sizeof(options->commands[0]));

	error_setf(err, STATUS_USAGE, EINVAL, "no command '%s'", word);
	error_remedy(err, meant ? "did you mean 'vmrun help %s'?" : "see 'vmrun help'", meant);
	return STATUS_USAGE;
}

int command_help(const struct options *options, struct launch *launch, struct error *err)
{
	const char *word = options->file_count ? options->files[0] : NULL;

	if (!options->words && !word)
		options_usage(options, stdout);
	else if (!options->words && !options_help(options, word, stdout))
		return no_command(options, word, err);
	else if (!options->words)
		return STATUS_OK;
	else if (word && strcmp(word, "keys") == 0)
		print_keys("", &keys_definition);
	else
		options_words(options, word, stdout);
	return STATUS_OK;
}
