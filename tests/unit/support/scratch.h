// SPDX-License-Identifier: GPL-2.0-or-later
// Makes a directory for the files of one test.
#ifndef TESTS_UNIT_SUPPORT_SCRATCH_H
#define TESTS_UNIT_SUPPORT_SCRATCH_H

#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[PATH_MAX / 2];

static inline int scratch_remove_one(const char *path, const struct stat *st, int type,
				     struct FTW *walk)
{
	return remove(path);
}

/*
 * For cmocka_unit_test_setup_teardown(): a new empty directory for each test. The modes of its
 * files do not depend on the umask of the caller.
 */
static inline int scratch_setup(void **state)
{
	const char *base = getenv("TMPDIR");
	char template[sizeof(scratch)];
	char *path;

	umask(022);
	snprintf(template, sizeof(template), "%s/vmrun-test-XXXXXX", base ? base : "/tmp");
	path = mkdtemp(template) ? realpath(template, NULL) : NULL;
	if (!path)
		return -1;
	snprintf(scratch, sizeof(scratch), "%s", path);
	free(path);
	return 0;
}

static inline int scratch_teardown(void **state)
{
	return nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Returns the path of a name in the directory; valid until the fourth call after this one. */
static inline const char *scratch_path(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", scratch, name);
	return path;
}

/* Runs a shell command in the directory. */
static inline void scratch_shell(const char *command)
{
	char line[2 * PATH_MAX];

	snprintf(line, sizeof(line), "cd '%s' && { %s; } >/dev/null", scratch, command);
	if (system(line) != 0)
		fail_msg("%s", line);
}

static inline bool scratch_have_qemu_img(void)
{
	return system("qemu-img --version >/dev/null 2>&1") == 0;
}

/* Skips the test if the condition is false; fails it if VMRUN_TESTS_MUST_RUN is set. */
#define scratch_need(condition)                                \
	do {                                                   \
		if (!(condition)) {                            \
			if (getenv("VMRUN_TESTS_MUST_RUN"))    \
				fail_msg("needs " #condition); \
			skip();                                \
		}                                              \
	} while (0)

/* Writes a file and makes its parent directories. */
static inline void scratch_write(const char *name, const void *data, size_t size)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s", scratch_path(name));
	for (char *slash = path + strlen(scratch) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	file = fopen(path, "we");
	if (!file || (size && fwrite(data, size, 1, file) != 1) || fclose(file))
		abort();
}

static inline void scratch_text(const char *name, const char *text)
{
	scratch_write(name, text, strlen(text));
}

#endif
