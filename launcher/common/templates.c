// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the templates of vmrun and the files that a mistyped name may mean.
#include "launcher/common/templates.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/vm_name.h"
#include "netsetup/protocol/libexec.h"

/* Directories of the templates and the schema, from this program: in a build tree, installed. */
static const char *const dirs[] = { "share", VMRUN_DATA_FROM_BIN };

int templates_directory(char path[PATH_MAX], struct error *err)
{
	char self[PATH_MAX], dir[PATH_MAX];
	int ret;

	ret = libexec_directory(self, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (snprintf(dir, sizeof(dir), "%s/%s", self, dirs[i]) < PATH_MAX &&
		    realpath(dir, path))
			return 0;
	error_set_errno(err, ENOENT, "cannot find vmrun's templates at '%s'", dir);
	error_remedy(err, "install vmrun with its data files: cmake --install build");
	return -ENOENT;
}

static bool has_template(const char *name)
{
	cleanup_free char *path = NULL;
	char shared[PATH_MAX];
	struct error ignored;

	if (!vm_name_valid(name) || templates_directory(shared, &ignored) < 0)
		return false;
	path = text_format("%s/templates/%s" TEMPLATES_SUFFIX, shared, name);
	return path && access(path, R_OK) == 0;
}

/* A name with a control character is no offer: the message goes to a terminal. */
static int is_definition(const struct dirent *entry)
{
	const char *suffix = strrchr(entry->d_name, '.');

	return suffix && suffix != entry->d_name && text_clean(entry->d_name, "") &&
	       (strcmp(suffix, TEMPLATES_SUFFIX) == 0 || strcmp(suffix, ".yml") == 0);
}

/* Returns the definition 'NAME.yaml' or 'NAME.yml', else one whose name is near; NULL if none. */
static char *find_near(const char *directory, const char *name)
{
	const size_t length = strcspn(name, ".");
	struct dirent **entries = NULL;
	const char *found = NULL;
	cleanup_free const char **names = NULL;
	char *copy;
	int count;

	count = scandir(directory, &entries, is_definition, alphasort);
	names = calloc(count > 0 ? (size_t)count : 1, sizeof(*names));
	for (int i = 0; names && i < count; i++) {
		names[i] = entries[i]->d_name;
		if (strncmp(names[i], name, length) == 0 && names[i][length] == '.')
			found = names[i];
	}
	if (names && count > 0 && !found)
		found = text_nearest(name, names, (size_t)count, sizeof(*names));
	copy = found ? strdup(found) : NULL;
	while (count > 0)
		free(entries[--count]);
	free(entries);
	return copy;
}

char *templates_suggest(const char *path)
{
	const char *slash = strrchr(path, '/');
	const size_t prefix = slash ? (size_t)(slash - path) + 1 : 0;
	cleanup_free char *directory = prefix ? strndup(path, prefix) : strdup(".");
	cleanup_free char *near = directory ? find_near(directory, path + prefix) : NULL;

	if (near)
		return text_format("did you mean '%.*s%s'?\n", (int)prefix, path, near);
	return has_template(path) ? text_format("to have a definition from the template '%s': "
						"vmrun init %s\n",
						path, path)
				  : NULL;
}
