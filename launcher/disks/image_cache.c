// SPDX-License-Identifier: GPL-2.0-or-later
// Cache of images from URLs, which names each image by its digest.
#include "launcher/disks/image_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "launcher/disks/digest_cache.h"
#include "launcher/image/image_client.h"
#include "netsetup/base/cleanup.h"

_Static_assert(MIRRORS_MAX == IMAGE_MIRRORS_MAX, "every mirror is passed on");

/* The directory of images in the user's cache; launcher/image/store.h describes its files. */
#define DIRECTORY "images"
#define PART      ".part"
#define UNPACKED  ".unpacked"

/* An interrupted download is kept for a week. */
#define PART_SECONDS_MAX (7 * 24 * 3600)

static const char *digest_name(const struct disk *disk, char name[IMAGE_NAME_SIZE])
{
	const bool sha512 = disk->sha512[0] != '\0';

	snprintf(name, IMAGE_NAME_SIZE, "%s%s", sha512 ? "sha512-" : "sha256-",
		 sha512 ? disk->sha512 : disk->sha256);
	return name;
}

static int locate(struct machine_plan *plan, unsigned int index, const char *directory,
		  const char *name, struct error *err)
{
	char *path = text_format("%s/%s", directory, name);

	if (!path)
		return error_set_errno(err, ENOMEM, "cannot locate an image");
	free(plan->images[index]);
	plan->images[index] = path;
	return 0;
}

int image_cache_locate(struct machine_plan *plan, const char *directory, struct error *err)
{
	const struct definition *definition = plan->definition;
	cleanup_free char *own = NULL;
	char name[IMAGE_NAME_SIZE];
	int ret = 0;

	for (unsigned int i = 0; i < definition->disk_count && !ret; i++) {
		const struct disk *disk = &definition->disks[i];

		if (!disk->url_count || plan->images[i])
			continue;
		if (!directory && !own)
			ret = xdg_dir(XDG_CACHE, DIRECTORY, &own, err);
		if (!ret)
			ret = locate(plan, i, directory ? directory : own, digest_name(disk, name),
				     err);
	}
	return ret;
}

int image_cache_locate_learned(struct machine_plan *plan, unsigned int index, const char *name,
			       struct error *err)
{
	cleanup_free char *directory = NULL;
	int ret;

	ret = xdg_dir(XDG_CACHE, DIRECTORY, &directory, err);
	return ret ? ret : locate(plan, index, directory, name, err);
}

static int open_directory(int *directory, struct error *err)
{
	cleanup_free char *path = NULL;
	int ret;

	ret = xdg_dir(XDG_CACHE, DIRECTORY, &path, err);
	if (!ret)
		ret = xdg_make(path, err);
	if (ret)
		return ret;
	*directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *directory < 0 ? error_set_errno(err, errno, "cannot open '%s'", path) : 0;
}

/* @wanted: the expected digest as "ALGORITHM-HEX", or "-" if it is unknown. */
static int fetch(const struct disk *disk, const char *wanted, bool quiet,
		 char name[IMAGE_NAME_SIZE], struct error *err)
{
	const char *arguments[3 + MIRRORS_MAX + 1] = { "fetch" };
	struct image_result result;
	cleanup_fd int directory = -1;
	size_t count = 1;
	int ret;

	ret = open_directory(&directory, err);
	if (ret)
		return ret;
	if (quiet)
		arguments[count++] = "--quiet";
	arguments[count++] = wanted;
	for (unsigned int i = 0; i < disk->url_count; i++)
		arguments[count++] = disk->urls[i];
	ret = image_client_run(&(struct image_client_job){ .arguments = arguments,
							   .input = -1,
							   .work = directory },
			       &result, err);
	if (!ret)
		memcpy(name, result.name, IMAGE_NAME_SIZE);
	return ret;
}

/* Verifies an image of the user's own. */
static int verify(const struct disk *disk, bool quiet, struct error *err)
{
	const bool sha512 = disk->sha512[0] != '\0';
	char wanted[IMAGE_NAME_SIZE], name[IMAGE_NAME_SIZE];
	int ret;

	ret = digest_cache_get(disk->image, quiet, sha512, name, err);
	if (ret || !strcmp(name, digest_name(disk, wanted)))
		return ret;
	error_setf(err, STATUS_FAILURE, EILSEQ, "cannot use image '%s': its digest is %s",
		   disk->image, name);
	error_remedy(err, "get the image again, or correct '%s'", sha512 ? "sha512" : "sha256");
	return -EILSEQ;
}

int image_cache_verify(const struct definition *definition, bool quiet, struct error *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < definition->disk_count && !ret; i++) {
		const struct disk *disk = &definition->disks[i];

		if (disk->image && (disk->sha256[0] || disk->sha512[0]))
			ret = verify(disk, quiet, err);
	}
	return ret;
}

int image_cache_fetch(const struct machine_plan *plan, bool quiet, struct error *err)
{
	const struct definition *definition = plan->definition;
	char wanted[IMAGE_NAME_SIZE], name[IMAGE_NAME_SIZE];
	int ret = image_cache_verify(definition, quiet, err);

	for (unsigned int i = 0; i < definition->disk_count && !ret; i++) {
		const struct disk *disk = &definition->disks[i];

		if (disk->url_count && access(plan->images[i], F_OK) < 0)
			ret = fetch(disk, digest_name(disk, wanted), quiet, name, err);
	}
	return ret;
}

int image_cache_learn(const struct disk *disk, bool quiet, char name[IMAGE_NAME_SIZE],
		      struct error *err)
{
	return fetch(disk, "-", quiet, name, err);
}

/*
 * Returns true if no fetch holds the lock of a file's part. No fetch starts from NAME.unpacked; the
 * next one continues NAME.part, unless that is old: most likely its definition has another digest.
 */
static bool is_stale(int directory, const char *name, const char *suffix)
{
	const bool unpacked = !strcmp(suffix, UNPACKED);
	char part[NAME_MAX + 1];
	cleanup_fd int fd = -1;
	struct stat status;

	if (!unpacked && strcmp(suffix, PART) != 0)
		return false;
	snprintf(part, sizeof(part), "%.*s" PART, (int)(suffix - name), name);
	fd = openat(directory, part, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return unpacked && errno == ENOENT;
	return flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	       (unpacked ||
		(fstat(fd, &status) == 0 && time(NULL) - status.st_mtim.tv_sec > PART_SECONDS_MAX));
}

void image_cache_remove_stale(const struct removal *removal)
{
	cleanup_free char *path = NULL;
	struct dirent *entry;
	struct error ignored;
	DIR *stream;

	if (xdg_dir(XDG_CACHE, DIRECTORY, &path, &ignored) < 0)
		return;
	stream = opendir(path);
	while (stream && (entry = readdir(stream))) {
		const char *suffix = strrchr(entry->d_name, '.');

		if (suffix && is_stale(dirfd(stream), entry->d_name, suffix))
			remove_one(removal, path, entry->d_name);
	}
	if (stream)
		closedir(stream);
}
