// SPDX-License-Identifier: GPL-2.0-or-later
// Reads and writes the lock file beside a definition.
#include "launcher/lock/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/common/file.h"
#include "launcher/common/text.h"
#include "launcher/yaml/emit.h"
#include "launcher/yaml/source.h"
#include "netsetup/base/cleanup.h"

#define ENDING ".lock.yaml"

char *lockfile_path(const char *definition)
{
	static const char *const endings[] = { ".yaml", ".yml", ".json" };
	size_t length = strlen(definition);

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		const size_t ending = strlen(endings[i]);

		if (length > ending && !strcmp(definition + length - ending, endings[i])) {
			length -= ending;
			break;
		}
	}
	return text_format("%.*s" ENDING, (int)length, definition);
}

bool lockfile_named(const char *path)
{
	const size_t length = strlen(path);

	return length > strlen(ENDING) && !strcmp(path + length - strlen(ENDING), ENDING);
}

int lockfile_read(const char *path, struct lockfile *file)
{
	const struct node *root;
	int ret;

	file->loader.diagnostics = &file->diagnostics;
	ret = source_open(path, &file->source, &file->diagnostics);
	if (ret == 0)
		ret = document_parse(&file->source, &file->document, &file->diagnostics);
	if (ret < 0)
		return ret;
	root = file->document.root;
	if (root->kind != NODE_MAPPING)
		diagnostics_add(&file->diagnostics, &root->location,
				"a lock file must be a mapping of keys, not %s",
				document_kind_text(root));
	else
		schema_read_mapping(&file->loader, root, &lock_keys, &file->lock);
	if (file->loader.failed || file->diagnostics.failed)
		return -ENOMEM;
	return file->diagnostics.count ? -EINVAL : 0;
}

void lockfile_done(struct lockfile *file)
{
	lock_done(&file->lock);
	schema_done(&file->loader);
	diagnostics_done(&file->diagnostics);
	document_done(&file->document);
	source_done(&file->source);
}

static char *lock_text(const struct lock *lock, const char *definition)
{
	const char *slash = strrchr(definition, '/');
	const char *name = slash ? slash + 1 : definition;
	cleanup_free char *yaml = NULL;
	char *text;

	/* Threat: a file name with a line end ends the comment, and its rest becomes a value. */
	if (!text_clean(name, ""))
		name = "FILE";
	if (emit_tree(&lock_keys, lock, false, &yaml) < 0 ||
	    asprintf(&text,
		     "# Values of '%s' when 'vmrun lock %s' was run. 'vmrun run --locked %s'\n"
		     "# needs the same values. Do not edit: run 'vmrun lock' again. See "
		     "vmrun(1).\n%s",
		     name, name, name, yaml) < 0)
		return NULL;
	return text;
}

static bool same_text(const char *path, const char *text)
{
	cleanup_free char *there = NULL;
	struct error ignored;
	size_t size;

	return file_read(path, SOURCE_SIZE_MAX, &there, &size, &ignored) == 0 &&
	       size == strlen(text) && !memcmp(there, text, size);
}

/*
 * Makes a name that no file of an interrupted run has. mkostemp() would make a file of mode 0600,
 * but a lock file must have the mode that the umask gives, as the definition has.
 */
static char *fresh_name(const char *path)
{
	uint64_t random;
	char *name;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random) ||
	    asprintf(&name, "%s.tmp-%016" PRIx64, path, random) < 0)
		return NULL;
	return name;
}

int lockfile_write(const char *path, const struct lock *lock, const char *definition, bool *changed,
		   struct error *err)
{
	cleanup_free char *text = lock_text(lock, definition);
	cleanup_free char *fresh = NULL;
	cleanup_fd int fd = -1;
	struct stat st;
	int ret;

	if (!text || !(fresh = fresh_name(path)))
		return error_set_errno(err, ENOMEM, "cannot write '%s'", path);
	*changed = !same_text(path, text);
	if (!*changed)
		return 0;
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot create '%s'", fresh);
	ret = dprintf(fd, "%s", text) < 0 || fsync(fd) < 0 ? -errno : 0;
	if (!ret && stat(path, &st) == 0 && fchmod(fd, st.st_mode & 0777) < 0)
		ret = -errno;
	if (!ret && rename(fresh, path) < 0)
		ret = -errno;
	if (!ret)
		return 0;
	unlink(fresh);
	return error_set_errno(err, -ret, "cannot write '%s'", path);
}
