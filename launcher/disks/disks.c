// SPDX-License-Identifier: GPL-2.0-or-later
// Finds or makes the files of a VM's disks.
#include "launcher/disks/disks.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "launcher/disks/image_lock.h"
#include "launcher/disks/overlay.h"
#include "launcher/formats/image.h"
#include "netsetup/base/cleanup.h"

static bool has_overlay(const struct disk *disk)
{
	return disk->mode == DISK_OVERLAY || disk->mode == DISK_SNAPSHOT;
}

bool disks_have_overlay(const struct definition *definition)
{
	for (unsigned int i = 0; i < definition->disk_count; i++) {
		if (has_overlay(&definition->disks[i]))
			return true;
	}
	return false;
}

static int inspect(const char *path, const struct disk *disk, struct image *image,
		   struct error *err)
{
	const int ret = image_inspect(path, disk->format, disk->mode == DISK_DIRECT, image, err);

	/* The path in the cache says nothing to the user. */
	if (ret < 0 && disk->url_count)
		error_context(err, "'%s'", disk->urls[0]);
	return ret;
}

static int prepare(const char *directory, unsigned int index, const struct machine_plan *plan,
		   struct disk_file *file, struct error *err)
{
	const struct disk *disk = &plan->definition->disks[index];
	const char *path = machine_plan_image(plan, index);
	struct image found = { 0 };
	const struct image *image = path ? &found : NULL;
	int ret = 0;

	if (path)
		ret = inspect(path, disk, &found, err);
	if (path && !ret)
		ret = image_lock_check(path, disk->mode == DISK_DIRECT, err);
	if (ret)
		return ret;
	switch (disk->mode) {
	case DISK_OVERLAY:
		file->format = DISK_FORMAT_QCOW2;
		return overlay_open(directory, index, disk, image, &file->path, err);
	case DISK_SNAPSHOT:
		file->format = DISK_FORMAT_QCOW2;
		ret = overlay_temporary(directory, index, disk, image, &file->path, err);
		file->temporary = !ret;
		return ret;
	case DISK_DIRECT:
	case DISK_READONLY:
	case DISK_MODE_AUTO:
		break;
	}
	assert(image);
	file->format = image->format;
	file->device = image->device;
	file->path = strdup(path);
	return file->path ? 0 : error_set_errno(err, ENOMEM, "cannot use image '%s'", path);
}

int disks_prepare(const struct machine_plan *plan, const char *directory, struct disks *disks,
		  struct error *err)
{
	const struct definition *definition = plan->definition;
	struct disks found = { 0 };
	int ret = 0;

	assert(directory || !disks_have_overlay(definition));
	for (unsigned int i = 0; i < definition->disk_count && !ret; i++) {
		ret = prepare(directory, i, plan, &found.files[i], err);
		found.count++;
	}
	if (ret) {
		disks_done(&found);
		return ret;
	}
	*disks = found;
	return 0;
}

/* Sets the format by image_inspect(), or by the name if the image is not there yet. */
static int plan_format(const struct disk *disk, const char *path, struct disk_file *file,
		       struct error *err)
{
	const char *name = disk->url_count ? disk->urls[0] : path;
	const char *dot = strrchr(name, '.');
	struct image image;
	int ret;

	if (!access(path, F_OK)) {
		ret = inspect(path, disk, &image, err);
		if (!ret) {
			file->format = image.format;
			file->device = image.device;
		}
		return ret;
	}
	file->format = disk->format;
	if (file->format == DISK_FORMAT_AUTO)
		file->format = dot && !strcmp(dot, ".qcow2") ? DISK_FORMAT_QCOW2 : DISK_FORMAT_RAW;
	return 0;
}

static int plan_path(const char *directory, unsigned int index, const struct machine_plan *plan,
		     struct disk_file *file, struct error *err)
{
	switch (plan->definition->disks[index].mode) {
	case DISK_OVERLAY:
		file->format = DISK_FORMAT_QCOW2;
		file->path = overlay_path(directory, index);
		break;
	case DISK_SNAPSHOT:
		file->format = DISK_FORMAT_QCOW2;
		file->path = text_format("%s/disk%u.tmp-XXXXXX", directory, index);
		break;
	case DISK_DIRECT:
	case DISK_READONLY:
	case DISK_MODE_AUTO:
		file->path = strdup(machine_plan_image(plan, index));
		break;
	}
	return file->path ? 0 : error_set_errno(err, ENOMEM, "cannot plan a disk");
}

int disks_plan(const struct machine_plan *plan, const char *directory, struct disks *disks,
	       struct error *err)
{
	const struct definition *definition = plan->definition;
	struct disks found = { 0 };
	cleanup_free char *own = NULL;
	int ret = 0;

	if (!directory && disks_have_overlay(definition))
		ret = xdg_dir(XDG_DATA, definition->name, &own, err);
	for (unsigned int i = 0; i < definition->disk_count && !ret; i++) {
		const struct disk *disk = &definition->disks[i];
		const char *path = machine_plan_image(plan, i);

		if (directory && disk->url_count)
			found.files[i].format = disk->format;
		else if (path)
			ret = plan_format(disk, path, &found.files[i], err);
		if (!ret)
			ret = plan_path(directory ? directory : own, i, plan, &found.files[i], err);
		found.count++;
	}
	if (ret) {
		disks_done(&found);
		return ret;
	}
	*disks = found;
	return 0;
}

void disks_configure(const struct disks *disks, struct machine_plan *plan)
{
	for (unsigned int i = 0; i < disks->count; i++) {
		plan->disk_paths[i] = disks->files[i].path;
		plan->disk_formats[i] = disks->files[i].format;
		plan->disk_devices[i] = disks->files[i].device;
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
	*disks = (struct disks){ 0 };
}
