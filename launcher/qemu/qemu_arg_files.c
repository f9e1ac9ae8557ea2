// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the files that the user's arguments for QEMU name.
#include "launcher/qemu/qemu_arg_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/common/log.h"
#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "netsetup/base/cleanup.h"

/* The separators of options, of JSON and of addresses such as "unix:PATH". */
#define SEPARATORS ",=:\"{}[]"

static bool is_below(const char *path, const char *directory)
{
	const size_t length = strlen(directory);

	return !strncmp(path, directory, length) && (path[length] == '/' || !path[length]);
}

/* Returns true if a directory is too much for one file: the home directory, or one above it. */
static bool is_above_home(const char *directory)
{
	const char *home = xdg_home();

	return !strcmp(directory, "/") || (home && is_below(home, directory)) ||
	       is_below(directory, "/dev") || is_below(directory, "/sys");
}

/* Lets QEMU make, open and remove files in the directory of @path. */
static int allow_new(const struct ruleset *ruleset, const char *path, struct error *err)
{
	cleanup_free char *directory = NULL;
	cleanup_free char *real = NULL;

	directory = strndup(path, (size_t)(strrchr(path, '/') - path));
	if (!directory)
		return error_set_errno(err, ENOMEM, "cannot confine QEMU");
	real = realpath(directory[0] ? directory : "/", NULL);
	if (!real)
		return 0;
	if (!is_above_home(real))
		return ruleset_allow_path(ruleset, real, RULESET_CHANGE, err);
	log_verbose("QEMU may not make '%s': name a directory of its own, or put '%s' in "
		    "'qemu.files'",
		    path, real);
	return 0;
}

/* Allows one part of an argument. Names of devices and such are no paths, and have no '/'. */
static int allow_part(const struct definition *definition, const struct ruleset *ruleset,
		      const char *part, size_t length, struct error *err)
{
	const bool slash = memchr(part, '/', length);
	const bool relative = length && part[0] != '/';
	cleanup_free char *path = NULL;
	struct stat status;

	if (!length || strspn(part, "./") >= length)
		return 0;
	path = text_format("%s%s%.*s", relative ? definition->directory : "", relative ? "/" : "",
			   (int)length, part);
	if (!path)
		return error_set_errno(err, ENOMEM, "cannot confine QEMU");
	/* These are descriptors, which mean others in QEMU. */
	if (is_below(path, "/proc") || is_below(path, "/dev/fd") || is_below(path, "/dev/fdset"))
		return 0;
	if (stat(path, &status) < 0)
		return slash && errno == ENOENT ? allow_new(ruleset, path, err) : 0;
	if (S_ISDIR(status.st_mode) && !slash)
		return 0;
	/* QEMU removes a socket of its last run before it makes it anew. */
	if (S_ISSOCK(status.st_mode) && allow_new(ruleset, path, err))
		return -err->code;
	return ruleset_allow_path(ruleset, path, RULESET_CHANGE, err);
}

static const char *next_part(const char *part, size_t length)
{
	return part + length + (part[length] != '\0');
}

static int allow_argument(const struct definition *definition, const struct ruleset *ruleset,
			  const char *argument, struct error *err)
{
	int ret = 0;

	while (*argument && !ret) {
		const size_t length = strcspn(argument, SEPARATORS);

		ret = allow_part(definition, ruleset, argument, length, err);
		argument = next_part(argument, length);
	}
	return ret;
}

int qemu_arg_files_allow(const struct definition *definition, const struct ruleset *ruleset,
			 struct error *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < definition->qemu.file_count && !ret; i++)
		ret = ruleset_allow_path(ruleset, definition->qemu.files[i],
					 RULESET_CHANGE | RULESET_EXECUTE, err);
	for (unsigned int i = 0; i < definition->qemu.arg_count && !ret; i++)
		ret = allow_argument(definition, ruleset, definition->qemu.args[i], err);
	return ret;
}

static bool has_part(const char *argument, const char *word)
{
	while (*argument) {
		const size_t length = strcspn(argument, SEPARATORS);

		if (length == strlen(word) && !strncmp(argument, word, length))
			return true;
		argument = next_part(argument, length);
	}
	return false;
}

bool qemu_arg_files_have(const struct definition *definition, const char *word)
{
	for (unsigned int i = 0; i < definition->qemu.arg_count; i++)
		if (has_part(definition->qemu.args[i], word))
			return true;
	return false;
}
