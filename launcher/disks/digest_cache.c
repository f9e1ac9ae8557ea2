// SPDX-License-Identifier: GPL-2.0-or-later
// Cache of file digests; an entry is valid while its file is unchanged.
#include "launcher/disks/digest_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "launcher/common/file.h"
#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "launcher/image/image_client.h"
#include "netsetup/base/cleanup.h"

/* The newest digest is the first line of the cache's file; the oldest lines are dropped. */
#define FILE_NAME "digests"
#define TEMPORARY ".tmp-"
#define LINES_MAX 200
#define BYTES_MAX (LINES_MAX * 512)

#define STAMP_SIZE 160

/* Longer than the resolution of any file system's times: an older change does show in them. */
#define SETTLED_SECONDS 3

/* Writes a stamp that differs after a change of the file: nobody can set an inode's ctime back. */
static void make_stamp(const struct stat *st, char stamp[STAMP_SIZE])
{
	snprintf(stamp, STAMP_SIZE, "%ju %ju %jd %jd.%09ld %jd.%09ld ", (uintmax_t)st->st_dev,
		 (uintmax_t)st->st_ino, (intmax_t)st->st_size, (intmax_t)st->st_mtim.tv_sec,
		 st->st_mtim.tv_nsec, (intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

static bool is_settled(const struct stat *st)
{
	const time_t now = time(NULL);

	return S_ISREG(st->st_mode) && st->st_mtim.tv_sec + SETTLED_SECONDS < now &&
	       st->st_ctim.tv_sec + SETTLED_SECONDS < now;
}

static bool name_valid(const char *name, bool sha512)
{
	const size_t digits = sha512 ? 128 : 64;

	return !strncmp(name, sha512 ? "sha512-" : "sha256-", 7) && strlen(name) == 7 + digits &&
	       strspn(name + 7, "0123456789abcdef") == digits;
}

/* Returns the path of the cache's file and its text, which is empty if the file is missing. */
static bool read_cache(char **path, char **text)
{
	cleanup_free char *directory = NULL;
	struct error ignored;
	size_t size;

	if (xdg_dir(XDG_CACHE, NULL, &directory, &ignored) < 0 || xdg_make(directory, &ignored) < 0)
		return false;
	*path = text_format("%s/" FILE_NAME, directory);
	if (!*path)
		return false;
	if (file_read(*path, BYTES_MAX, text, &size, &ignored) < 0)
		*text = strdup("");
	return *text != NULL;
}

static bool find_digest(const char *text, const char *stamp, bool sha512,
			char name[IMAGE_NAME_SIZE])
{
	const size_t length = strlen(stamp);

	for (const char *line = text; *line; line += strspn(line, "\n")) {
		const char *end = line + strcspn(line, "\n");

		if (!strncmp(line, stamp, length) &&
		    end - line - (ptrdiff_t)length < IMAGE_NAME_SIZE) {
			snprintf(name, IMAGE_NAME_SIZE, "%.*s", (int)(end - line - (int)length),
				 line + length);
			if (name_valid(name, sha512))
				return true;
		}
		line = end;
	}
	return false;
}

/* Writes the digest before all others. An error is ignored: the next run computes it again. */
static void cache_digest(const char *path, const char *text, const char *stamp, const char *name)
{
	cleanup_free char *fresh = NULL;
	cleanup_file FILE *file = NULL;
	cleanup_fd int fd = -1;
	unsigned int count = 1;

	fresh = text_format("%s" TEMPORARY "XXXXXX", path);
	if (!fresh)
		return;
	fd = mkostemp(fresh, O_CLOEXEC);
	if (fd < 0)
		return;
	file = fdopen(fd, "w");
	if (!file) {
		unlink(fresh);
		return;
	}
	take_fd(&fd);
	fprintf(file, "%s%s\n", stamp, name);
	for (const char *line = text; *line && count < LINES_MAX; count++) {
		const size_t length = strcspn(line, "\n");

		fprintf(file, "%.*s\n", (int)length, line);
		line += length + (line[length] == '\n');
	}
	if (fflush(file) != 0 || ferror(file) || rename(fresh, path) < 0)
		unlink(fresh);
}

static int read_file(int fd, const char *path, bool quiet, bool sha512, char name[IMAGE_NAME_SIZE],
		     struct error *err)
{
	const char *arguments[5] = { "digest" };
	struct image_result result;
	size_t count = 1;
	int ret;

	if (quiet)
		arguments[count++] = "--quiet";
	if (sha512)
		arguments[count++] = "--sha512";
	arguments[count] = path;
	ret = image_client_run(
		&(struct image_client_job){ .arguments = arguments, .input = -1, .work = fd },
		&result, err);
	if (ret)
		return ret;
	if (!name_valid(result.name, sha512))
		return error_setf(err, STATUS_FAILURE, EPROTO,
				  "vmrun-image returned no digest of '%s'", path);
	memcpy(name, result.name, IMAGE_NAME_SIZE);
	return 0;
}

int digest_cache_get(const char *path, bool quiet, bool sha512, char name[IMAGE_NAME_SIZE],
		     struct error *err)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	cleanup_free char *cache = NULL;
	cleanup_free char *text = NULL;
	char before[STAMP_SIZE], after[STAMP_SIZE];
	bool cacheable;
	struct stat st;
	int ret;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set_errno(err, errno, "cannot open '%s'", path);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return error_setf(err, STATUS_DEFINITION, EINVAL,
				  "cannot read '%s': it is neither a file nor a block device",
				  path);
	cacheable = is_settled(&st) && read_cache(&cache, &text);
	make_stamp(&st, before);
	if (cacheable && find_digest(text, before, sha512, name))
		return 0;
	ret = read_file(fd, path, quiet, sha512, name, err);
	if (ret)
		return ret;
	if (fstat(fd, &st) < 0)
		return error_set_errno(err, errno, "cannot read '%s'", path);
	make_stamp(&st, after);
	if (S_ISREG(st.st_mode) && strcmp(before, after) != 0)
		return error_setf(err, STATUS_FAILURE, EAGAIN,
				  "cannot compute the digest of '%s': it changed meanwhile", path);
	if (cacheable)
		cache_digest(cache, text, before, name);
	return 0;
}

void digest_cache_remove_stale(const struct removal *removal)
{
	cleanup_free char *directory = NULL;
	struct error ignored;

	if (xdg_dir(XDG_CACHE, NULL, &directory, &ignored) == 0)
		remove_matching(removal, directory, FILE_NAME TEMPORARY "*", NULL);
}
