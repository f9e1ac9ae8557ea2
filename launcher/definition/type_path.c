// SPDX-License-Identifier: GPL-2.0-or-later
// Reads values that name a file, and makes their paths absolute.
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
 * struct path - a path as it is written, taken apart.
 * @start, @length: the directory that it starts from, without the slash at its end.
 * @rest: what follows, without the slash at its beginning.
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

/* The definition's directory has no symbolic links in it, so '..' is the directory above. */
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

static bool path_split(struct walk *walk, const struct key *key, const struct node *node,
		       struct path *path)
{
	const char *text = node->text;

	if (text[0] == '/') {
		*path = (struct path){ "", 0, after_slashes(text) };
	} else if (text[0] != '~') {
		path_relative(walk->directory, text, path);
	} else if (text[1] != '/' && text[1] != '\0') {
		report_add(walk->report, &node->place,
			   "'%s' in '%s' is not supported: '~/' is your own home, or write the "
			   "whole path",
			   SHORT(text), key->name);
		return false;
	} else if (!walk->home) {
		report_add(walk->report, &node->place,
			   "'~' in '%s' is not known: this user has no home directory", key->name);
		return false;
	} else {
		*path = (struct path){ walk->home, strcmp(walk->home, "/") ? strlen(walk->home) : 0,
				       after_slashes(text + 1) };
	}
	return true;
}

static void read_path(struct walk *walk, const struct key *key, const struct node *node,
		      void *target)
{
	struct path path;
	char *text;

	if (!node->text[0]) {
		walk_mismatch(walk, key, node);
		return;
	}
	if (!text_clean(node->text, "")) {
		report_add(walk->report, &node->place,
			   "'%s' has a line end or control character in it", key->name);
		return;
	}
	if (!path_split(walk, key, node, &path))
		return;
	if (path.length + 1 + strlen(path.rest) >= PATH_MAX) {
		report_add(walk->report, &node->place,
			   "'%s' is longer than %d bytes as a whole path", key->name, PATH_MAX - 1);
		return;
	}
	text = text_format("%.*s/%s", (int)path.length, path.start, path.rest);
	if (!text) {
		walk->failed = true;
		return;
	}
	*(char **)target = text;
}

const struct type type_path = { NODE_SCALAR, "a path", NULL, read_path, value_write };

static void read_firmware(struct walk *walk, const struct key *key, const struct node *node,
			  void *target)
{
	struct firmware_key *firmware = target;

	firmware->uefi = !strcmp(node->text, "uefi");
	if (!firmware->uefi && strcmp(node->text, "bios"))
		read_path(walk, key, node, &firmware->file);
}

static struct json_object *write_firmware(const struct key *key, const void *target)
{
	const struct firmware_key *firmware = target;

	return json_object_new_string(firmware->uefi   ? "uefi"
				      : firmware->file ? firmware->file
						       : "bios");
}

const struct type type_firmware = { NODE_SCALAR, "bios, uefi or the path of a firmware file", NULL,
				    read_firmware, write_firmware };

static void read_program(struct walk *walk, const struct key *key, const struct node *node,
			 void *target)
{
	if (strchr(node->text, '/'))
		read_path(walk, key, node, target);
	else
		value_keep_valid(walk, key, node, scalar_model(node->text), target);
}

const struct type type_program = { NODE_SCALAR, "a program's name or path", NULL, read_program,
				   value_write };
