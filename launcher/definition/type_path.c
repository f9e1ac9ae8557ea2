// SPDX-License-Identifier: GPL-2.0-or-later
// Reads paths of files and makes them absolute.
#include "launcher/definition/type_path.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/common/text.h"
#include "launcher/definition/definition.h"
#include "launcher/definition/type_text.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"

/**
 * struct path - the parts of a path.
 * @start, @length: the directory that it starts from, without the slash at its end.
 * @rest: the rest of the path, without the slash at its beginning.
 */
struct path {
	const char *start;
	size_t length;
	const char *rest;
};

static const char *after_slashes(const char *text)
{
	return text + strspn(text, "/");
}

/* realpath() removed symbolic links from @directory, so '..' can be resolved in the text. */
static void path_relative(const char *directory, const char *text, struct path *path)
{
	path->start = directory;
	path->length = strcmp(directory, "/") ? strlen(directory) : 0;
	path->rest = text;
	for (;;) {
		if (!strncmp(path->rest, "./", 2)) {
			path->rest = after_slashes(path->rest + 2);
		} else if (!strncmp(path->rest, "../", 3)) {
			path->rest = after_slashes(path->rest + 3);
			while (path->length > 0 && directory[--path->length] != '/')
				;
		} else {
			return;
		}
	}
}

static bool path_split(struct loader *loader, const struct key *key, const struct node *node,
		       struct path *path)
{
	const char *text = node->text;

	if (text[0] == '/') {
		*path = (struct path){ "", 0, after_slashes(text) };
	} else if (text[0] != '~') {
		path_relative(loader->directory, text, path);
	} else if (text[1] != '/' && text[1] != '\0') {
		diagnostics_add(loader->diagnostics, &node->location,
				"'%s' in '%s' is not supported: use '~/' for your own home, or the "
				"whole path",
				TEXT_SHORT(text), key->name);
		return false;
	} else if (!loader->home) {
		diagnostics_add(loader->diagnostics, &node->location,
				"'~' in '%s' is not known: this user has no home directory",
				key->name);
		return false;
	} else {
		*path = (struct path){ loader->home,
				       strcmp(loader->home, "/") ? strlen(loader->home) : 0,
				       after_slashes(text + 1) };
	}
	return true;
}

static void read_path(struct loader *loader, const struct key *key, const struct node *node,
		      void *target)
{
	struct path path;
	char *text;

	if (!node->text[0]) {
		schema_refuse(loader, key, node);
		return;
	}
	if (!text_clean(node->text, "")) {
		diagnostics_add(loader->diagnostics, &node->location,
				"'%s' has a line end or control character in it", key->name);
		return;
	}
	if (!path_split(loader, key, node, &path))
		return;
	if (path.length + 1 + strlen(path.rest) >= PATH_MAX) {
		diagnostics_add(loader->diagnostics, &node->location,
				"'%s' is longer than %d bytes as a whole path", key->name,
				PATH_MAX - 1);
		return;
	}
	text = text_format("%.*s/%s", (int)path.length, path.start, path.rest);
	if (!text) {
		loader->failed = true;
		return;
	}
	*(char **)target = text;
}

const struct type type_path = { NODE_SCALAR, "a path", NULL, read_path, type_text_write };

static void read_firmware(struct loader *loader, const struct key *key, const struct node *node,
			  void *target)
{
	struct firmware_key *firmware = target;

	firmware->uefi = !strcmp(node->text, "uefi");
	if (!firmware->uefi && strcmp(node->text, "bios"))
		read_path(loader, key, node, &firmware->file);
}

static struct json_object *write_firmware(const struct key *key, const void *target)
{
	const struct firmware_key *firmware = target;

	return json_object_new_string(firmware->uefi   ? "uefi"
				      : firmware->file ? firmware->file
						       : "bios");
}

const struct type type_path_firmware = { NODE_SCALAR, "bios, uefi or the path of a firmware file",
					 NULL, read_firmware, write_firmware };

static void read_program(struct loader *loader, const struct key *key, const struct node *node,
			 void *target)
{
	if (strchr(node->text, '/'))
		read_path(loader, key, node, target);
	else
		type_text_keep_valid(loader, key, node, scalar_model(node->text), target);
}

const struct type type_path_program = { NODE_SCALAR, "a program's name or path", NULL, read_program,
					type_text_write };
