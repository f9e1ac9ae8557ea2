// SPDX-License-Identifier: GPL-2.0-or-later
// The types of values that name a file: made absolute as they are read.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/scalar.h"
#include "launcher/text.h"
#include "launcher/value.h"
#include "netsetup/cleanup.h"

/* The directory that a path starts from and what follows; NULL when the path cannot be used. */
static const char *path_start(struct walk *walk, const struct key *key, const struct node *node,
			      const char **rest)
{
	const char *text = node->text;

	*rest = text;
	if (text[0] == '/')
		return "";
	if (text[0] != '~') {
		while (!strncmp(*rest, "./", 2))
			*rest += 2 + strspn(*rest + 2, "/");
		return walk->directory;
	}
	if (text[1] != '/' && text[1] != '\0') {
		report_add(walk->report, &node->place,
			   "'%s' in '%s' is not supported: '~/' is your own home, or write the "
			   "whole path",
			   SHORT(text), key->name);
		return NULL;
	}
	if (!walk->home) {
		report_add(walk->report, &node->place,
			   "'~' in '%s' is not known: this user has no home directory", key->name);
		return NULL;
	}
	*rest = text + 1 + strspn(text + 1, "/");
	return walk->home;
}

static void read_path(struct walk *walk, const struct key *key, const struct node *node,
		      void *target)
{
	const char *start, *rest;
	char *path;

	if (!node->text[0]) {
		walk_mismatch(walk, key, node);
		return;
	}
	if (!text_clean(node->text, "")) {
		report_add(walk->report, &node->place,
			   "'%s' has a line end or control character in it", key->name);
		return;
	}
	start = path_start(walk, key, node, &rest);
	if (!start)
		return;
	if (strlen(start) + 1 + strlen(rest) >= PATH_MAX) {
		report_add(walk->report, &node->place,
			   "'%s' is longer than %d bytes as a whole path", key->name, PATH_MAX - 1);
		return;
	}
	/* The root directory as home or as the file's gives no second slash. */
	if (asprintf(&path, "%s%s%s", start, start[0] && strcmp(start, "/") ? "/" : "", rest) < 0) {
		walk->failed = true;
		return;
	}
	*(char **)target = path;
}

static struct json_object *write_path(const struct key *key, const void *target)
{
	const char *path = *(char *const *)target;

	return path ? json_object_new_string(path) : NULL;
}

const struct type type_path = { NODE_SCALAR, "a path", NULL, read_path, write_path };

static void read_image(struct walk *walk, const struct key *key, const struct node *node,
		       void *target)
{
	if (strstr(node->text, "://"))
		report_add(walk->report, &node->place,
			   "'%s' is a URL, which this version cannot fetch: download it and give "
			   "the file's path",
			   key->name);
	else
		read_path(walk, key, node, target);
}

const struct type type_image = { NODE_SCALAR, "a path", NULL, read_image, write_path };

static void read_firmware(struct walk *walk, const struct key *key, const struct node *node,
			  void *target)
{
	if (!strcmp(node->text, "bios"))
		*(char **)target = NULL;
	else if (!strcmp(node->text, "uefi"))
		report_add(walk->report, &node->place,
			   "'%s: uefi' is not in this version: use 'bios', or give the path of a "
			   "firmware file",
			   key->name);
	else
		read_path(walk, key, node, target);
}

static struct json_object *write_firmware(const struct key *key, const void *target)
{
	const char *path = *(char *const *)target;

	return json_object_new_string(path ? path : "bios");
}

const struct type type_firmware = { NODE_SCALAR, "bios or the path of a firmware file", NULL,
				    read_firmware, write_firmware };

static void read_program(struct walk *walk, const struct key *key, const struct node *node,
			 void *target)
{
	if (strchr(node->text, '/'))
		read_path(walk, key, node, target);
	else if (scalar_model(node->text))
		value_keep(walk, node->text, target);
	else
		walk_mismatch(walk, key, node);
}

const struct type type_program = { NODE_SCALAR, "a program's name or path", NULL, read_program,
				   write_path };
