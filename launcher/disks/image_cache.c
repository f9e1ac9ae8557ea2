// SPDX-License-Identifier: GPL-2.0-or-later
// Images from URLs: kept in the user's cache under their digests, fetched when they are not there.
#include "launcher/disks/image_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "launcher/image/client.h"
#include "netsetup/base/cleanup.h"

_Static_assert(MIRRORS_MAX == IMAGE_MIRRORS_MAX, "every mirror is passed on");

/* The directory of images in the user's cache; see launcher/image/store.h for what is in it. */
#define DIRECTORY "images"
#define PART      ".part"
#define UNPACKED  ".unpacked"

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
		return error_set(err, ENOMEM, "cannot locate an image");
	free(plan->images[index]);
	plan->images[index] = path;
	return 0;
}

int cache_locate(struct machine_plan *plan, const char *directory, struct error *err)
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

int cache_locate_learned(struct machine_plan *plan, unsigned int index, const char *name,
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
	return *directory < 0 ? error_set(err, errno, "cannot open '%s'", path) : 0;
}

/* @wanted: the digest's name, or "-". */
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
	ret = imager_run(
		&(struct imager_job){ .arguments = arguments, .input = -1, .work = directory },
		&result, err);
	if (!ret)
		memcpy(name, result.name, IMAGE_NAME_SIZE);
	return ret;
}

int cache_fetch(const struct machine_plan *plan, bool quiet, struct error *err)
{
	const struct definition *definition = plan->definition;
	char wanted[IMAGE_NAME_SIZE], name[IMAGE_NAME_SIZE];
	int ret = 0;

	for (unsigned int i = 0; i < definition->disk_count && !ret; i++) {
		const struct disk *disk = &definition->disks[i];

		if (disk->url_count && access(plan->images[i], F_OK) < 0)
			ret = fetch(disk, digest_name(disk, wanted), quiet, name, err);
	}
	return ret;
}

int cache_learn(const struct disk *disk, bool quiet, char name[IMAGE_NAME_SIZE], struct error *err)
{
	return fetch(disk, "-", quiet, name, err);
}

/* Whether nobody is at work on it; the lock is given back at once, for what is swept is no start. */
static bool is_left(int directory, const char *name)
{
	char part[NAME_MAX + 1];
	cleanup_fd int fd = -1;

	snprintf(part, sizeof(part), "%.*s" PART, (int)(strlen(name) - strlen(UNPACKED)), name);
	fd = openat(directory, part, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd < 0 ? errno == ENOENT : flock(fd, LOCK_EX | LOCK_NB) == 0;
}

void cache_sweep(const struct sweep *sweep)
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

		if (suffix && !strcmp(suffix, UNPACKED) && is_left(dirfd(stream), entry->d_name))
			sweep_file(sweep, path, entry->d_name);
	}
	if (stream)
		closedir(stream);
}
