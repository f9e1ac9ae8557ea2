// SPDX-License-Identifier: GPL-2.0-or-later
// The files of a VM's disks: found, made, locked, and thrown away.
#include "launcher/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "launcher/image.h"
#include "launcher/overlay.h"
#include "launcher/xdg.h"
#include "netsetup/cleanup.h"

static bool has_overlay(const struct disk *disk)
{
	return disk->mode == DISK_OVERLAY || disk->mode == DISK_SNAPSHOT;
}

static bool any_overlay(const struct definition *definition)
{
	for (unsigned int i = 0; i < definition->disk_count; i++) {
		if (has_overlay(&definition->disks[i]))
			return true;
	}
	return false;
}

/*
 * The lock is a file of its own and not the overlays: on some network file systems flock(2) and
 * QEMU's own locks would get into each other's way.
 */
static int lock_directory(const char *directory, int *lock)
{
	cleanup_free char *path = NULL;
	cleanup_fd int fd = -1;

	if (asprintf(&path, "%s/lock", directory) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	*lock = take_fd(&fd);
	return 0;
}

static int take_directory(const struct definition *definition, char **directory, int *lock,
			  struct error *err)
{
	cleanup_free char *path = NULL;
	int ret;

	ret = xdg_dir(XDG_DATA, definition->name, &path, err);
	if (!ret)
		ret = xdg_make(path, err);
	if (ret)
		return ret;

	ret = lock_directory(path, lock);
	if (ret == -EBUSY)
		return error_say(err, STATUS_FAILURE, EBUSY,
				 "cannot use the disks of '%s': another run of it does",
				 definition->name);
	if (ret)
		return error_set(err, -ret, "cannot lock '%s'", path);
	overlay_sweep(path, &(struct sweep){ 0 });
	*directory = take_ptr(&path);
	return 0;
}

static int prepare(const char *directory, unsigned int index, const struct disk *disk,
		   struct disk_file *file, struct error *err)
{
	struct image image;
	int ret = image_inspect(disk, &image, err);

	if (ret)
		return ret;
	switch (disk->mode) {
	case DISK_OVERLAY:
		file->format = DISK_FORMAT_QCOW2;
		return overlay_open(directory, index, disk, &image, &file->path, err);
	case DISK_SNAPSHOT:
		file->format = DISK_FORMAT_QCOW2;
		ret = overlay_temporary(directory, index, disk, &image, &file->path, err);
		file->temporary = !ret;
		return ret;
	case DISK_DIRECT:
	case DISK_READONLY:
		break;
	}
	file->format = image.format;
	file->device = image.device;
	file->path = strdup(disk->image);
	return file->path ? 0 : error_set(err, ENOMEM, "cannot use image '%s'", disk->image);
}

int disks_prepare(const struct definition *definition, struct disks *disks, struct error *err)
{
	struct disks found = DISKS_NONE;
	cleanup_free char *directory = NULL;
	int ret = 0;

	if (any_overlay(definition))
		ret = take_directory(definition, &directory, &found.lock, err);
	for (unsigned int i = 0; i < definition->disk_count && !ret; i++) {
		ret = prepare(directory, i, &definition->disks[i], &found.files[i], err);
		found.count++;
	}
	if (ret) {
		disks_done(&found);
		return ret;
	}
	*disks = found;
	return 0;
}

/* What image_inspect() finds, or what the name says when there is nothing to inspect. */
static void plan_format(const struct disk *disk, struct disk_file *file)
{
	struct error ignored;
	struct image image;

	if (!image_inspect(disk, &image, &ignored)) {
		file->format = image.format;
		file->device = image.device;
		return;
	}
	file->format = disk->format;
	if (file->format == DISK_FORMAT_AUTO) {
		const char *name = disk->url_count ? disk->urls[0] : disk->image;
		size_t length = strlen(name);
		bool qcow2 = length > 6 && !strcmp(name + length - 6, ".qcow2");

		file->format = qcow2 ? DISK_FORMAT_QCOW2 : DISK_FORMAT_RAW;
	}
}

static int plan_path(const char *directory, unsigned int index, const struct disk *disk,
		     struct disk_file *file, struct error *err)
{
	switch (disk->mode) {
	case DISK_OVERLAY:
		file->format = DISK_FORMAT_QCOW2;
		file->path = overlay_path(directory, index);
		break;
	case DISK_SNAPSHOT:
		file->format = DISK_FORMAT_QCOW2;
		if (asprintf(&file->path, "%s/disk%u.tmp-XXXXXX", directory, index) < 0)
			file->path = NULL;
		break;
	case DISK_DIRECT:
	case DISK_READONLY:
		file->path = strdup(disk->image);
		break;
	}
	return file->path ? 0 : error_set(err, ENOMEM, "cannot use image '%s'", disk->image);
}

int disks_plan(const struct definition *definition, const char *directory, struct disks *disks,
	       struct error *err)
{
	struct disks found = DISKS_NONE;
	cleanup_free char *own = NULL;
	int ret = 0;

	if (!directory && any_overlay(definition))
		ret = xdg_dir(XDG_DATA, definition->name, &own, err);
	for (unsigned int i = 0; i < definition->disk_count && !ret; i++) {
		const struct disk *disk = &definition->disks[i];

		if (directory && disk->url_count)
			found.files[i].format = disk->format;
		else if (!has_overlay(disk))
			plan_format(disk, &found.files[i]);
		ret = plan_path(directory ? directory : own, i, disk, &found.files[i], err);
		found.count++;
	}
	if (ret) {
		disks_done(&found);
		return ret;
	}
	*disks = found;
	return 0;
}

void disks_configure(const struct disks *disks, struct qemu_config *config)
{
	for (unsigned int i = 0; i < disks->count; i++) {
		config->disk_paths[i] = disks->files[i].path;
		config->disk_formats[i] = disks->files[i].format;
		config->disk_devices[i] = disks->files[i].device;
	}
}

void disks_opened(struct disks *disks)
{
	for (unsigned int i = 0; i < disks->count; i++) {
		if (disks->files[i].temporary)
			unlink(disks->files[i].path);
		disks->files[i].temporary = false;
	}
}

void disks_done(struct disks *disks)
{
	disks_opened(disks);
	for (unsigned int i = 0; i < disks->count; i++)
		free(disks->files[i].path);
	cleanup_fd_done(&disks->lock);
	*disks = (struct disks)DISKS_NONE;
}

int disks_reset(const char *name, const struct sweep *sweep, struct error *err)
{
	cleanup_free char *directory = NULL;
	cleanup_fd int lock = -1;
	int ret;

	ret = xdg_dir(XDG_DATA, name, &directory, err);
	if (ret)
		return ret;
	ret = lock_directory(directory, &lock);
	if (ret == -ENOENT)
		return 0;
	if (ret == -EBUSY) {
		error_say(err, STATUS_FAILURE, EBUSY, "cannot reset '%s': it is running", name);
		error_remedy(err, "stop it first");
		return -EBUSY;
	}
	if (ret)
		return error_set(err, -ret, "cannot lock '%s'", directory);
	overlay_reset(directory, sweep);
	return 0;
}

void disks_sweep(const char *name, const struct sweep *sweep)
{
	cleanup_free char *directory = NULL;
	struct error ignored;
	cleanup_fd int lock = -1;

	if (xdg_dir(XDG_DATA, name, &directory, &ignored))
		return;
	/* Where there is no directory, no lock file is made either. */
	if (!lock_directory(directory, &lock))
		overlay_sweep(directory, sweep);
}
