// SPDX-License-Identifier: GPL-2.0-or-later
// Makes a disk's overlay: a qcow2 file with the guest's changes to a read-only image.
#include "launcher/disks/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/common/argv.h"
#include "launcher/common/file.h"
#include "launcher/common/text.h"
#include "launcher/disks/qemu_img.h"
#include "launcher/formats/qcow2.h"
#include "netsetup/base/cleanup.h"

#define TEMPORARY_PATTERN "disk*.tmp-??????"

char *overlay_path(const char *directory, unsigned int index)
{
	return text_format("%s/disk%u.qcow2", directory, index);
}

static int no_memory(const struct image *image, struct error *err)
{
	return error_set_errno(err, ENOMEM, "cannot make %s", image ? "an overlay" : "a disk");
}

/* Makes an empty file that only the user can read, with a name for overlay_remove_stale(). */
static int make_temporary(const char *directory, unsigned int index, char **path, int *fd,
			  struct error *err)
{
	cleanup_free char *template = NULL;
	int made;

	template = text_format("%s/disk%u.tmp-XXXXXX", directory, index);
	if (!template)
		return error_set_errno(err, ENOMEM, "cannot make an overlay");
	made = mkostemp(template, O_CLOEXEC);
	if (made < 0)
		return error_set_errno(err, errno, "cannot make a file in '%s'", directory);
	*path = take_ptr(&template);
	*fd = made;
	return 0;
}

static int check_size(const struct disk *disk, const struct image *image, uint64_t size,
		      const char *what, struct error *err)
{
	if (!disk->size || disk->size >= size)
		return 0;
	error_setf(err, STATUS_DEFINITION, EINVAL,
		   "cannot shrink the disk of image '%s': its %s has %" PRIu64
		   " bytes, 'size' is %" PRIu64,
		   image->path, what, size, disk->size);
	error_remedy(err, "set 'size' to at least %" PRIu64 ", or leave it out", size);
	return -EINVAL;
}

int overlay_temporary(const char *directory, unsigned int index, const struct disk *disk,
		      const struct image *image, char **path, struct error *err)
{
	cleanup_free char *made = NULL;
	cleanup_fd int fd = -1;
	int ret = 0;

	if (image)
		ret = check_size(disk, image, image->size, "image", err);
	/* The digest of an image from a URL shows that it is whole. */
	if (!ret && image && image->format == DISK_FORMAT_QCOW2 && !disk->url_count)
		ret = qemu_img_check(image->path, err);
	if (!ret)
		ret = make_temporary(directory, index, &made, &fd, err);
	if (ret)
		return ret;
	ret = qemu_img_create(made, image ? image->path : NULL,
			      image ? image->format : DISK_FORMAT_AUTO, disk->size, err);
	if (ret) {
		unlink(made);
		return ret;
	}
	*path = take_ptr(&made);
	return 0;
}

/*
 * Returns the text of diskN.base, which the caller frees. It is compared for equality, not by
 * age: an image with an older mtime is as different as one with a newer.
 */
static char *describe_base(const struct disk *disk, const struct image *image)
{
	if (disk->url_count)
		return text_format("image %s\nverified\n", image->path);
	return text_format("image %s\nbytes %" PRIu64 "\nchanged %lld.%09ld\n", image->path,
			   image->file_size, (long long)image->mtime.tv_sec, image->mtime.tv_nsec);
}

static char *base_path(const char *directory, unsigned int index)
{
	return text_format("%s/disk%u.base", directory, index);
}

static int write_base(const char *directory, unsigned int index, const char *base,
		      const char *description, struct error *err)
{
	cleanup_free char *temporary = NULL;
	cleanup_fd int fd = -1;
	int ret;

	ret = make_temporary(directory, index, &temporary, &fd, err);
	if (ret)
		return ret;
	ret = file_write(fd, description, strlen(description));
	if (!ret && rename(temporary, base))
		ret = -errno;
	if (ret) {
		unlink(temporary);
		return error_set_errno(err, -ret, "cannot write '%s'", base);
	}
	return 0;
}

static int record_base(const char *directory, unsigned int index, const struct disk *disk,
		       const struct image *image, struct error *err)
{
	cleanup_free char *base = base_path(directory, index);
	cleanup_free char *description = describe_base(disk, image);

	if (!base || !description)
		return no_memory(image, err);
	return write_base(directory, index, base, description, err);
}

/* Renames the overlay last, so that it never exists without its record. */
static int create(const char *directory, unsigned int index, const struct disk *disk,
		  const struct image *image, const char *overlay, struct error *err)
{
	cleanup_free char *temporary = NULL;
	int ret;

	ret = overlay_temporary(directory, index, disk, image, &temporary, err);
	if (ret)
		return ret;
	if (image)
		ret = record_base(directory, index, disk, image, err);
	if (!ret && rename(temporary, overlay))
		ret = error_set_errno(err, errno, "cannot make %s '%s'", image ? "overlay" : "disk",
				      overlay);
	if (ret)
		unlink(temporary);
	return ret;
}

/* Adds a remedy to the error of an overlay that does not fit; @base: its record, or NULL. */
static int refuse(const char *directory, const char *base, struct error *err)
{
	error_remedy(err,
		     "restore the image, or start afresh (what the guest wrote is lost): vmrun "
		     "reset %s",
		     strrchr(directory, '/') + 1);
	if (base)
		error_remedy(err, "or, if the image's content is the same as it was: rm %s",
			     ARGV_WORD(base));
	return -EINVAL;
}

/* Checks that the image is unchanged. A user can remove the record to accept a changed image. */
static int check_base(const char *directory, unsigned int index, const struct disk *disk,
		      const struct image *image, const char *overlay, struct error *err)
{
	cleanup_free char *base = base_path(directory, index);
	cleanup_free char *description = describe_base(disk, image);
	cleanup_free char *recorded = NULL;
	cleanup_file FILE *file = NULL;
	size_t expected, got;

	if (!base || !description)
		return no_memory(image, err);
	file = fopen(base, "re");
	if (!file && errno == ENOENT)
		return write_base(directory, index, base, description, err);
	if (!file)
		return error_set_errno(err, errno, "cannot open '%s'", base);

	expected = strlen(description);
	recorded = malloc(expected + 1);
	if (!recorded)
		return no_memory(image, err);
	got = fread(recorded, 1, expected + 1, file);
	if (got == expected && !memcmp(recorded, description, expected))
		return 0;

	error_setf(err, STATUS_FAILURE, EINVAL,
		   "cannot use overlay '%s': its image '%s' has changed since it was made", overlay,
		   image->path);
	return refuse(directory, base, err);
}

static int check_header(const char *directory, const struct disk *disk, const struct image *image,
			const struct qcow2 *header, const char *overlay, struct error *err)
{
	const char *format = image->format == DISK_FORMAT_QCOW2 ? "qcow2" : "raw";

	if (!strcmp(header->backing, image->path) && !strcmp(header->backing_format, format) &&
	    !header->data_file)
		return 0;
	if (strcmp(header->backing, image->path) && disk->url_count)
		error_setf(
			err, STATUS_FAILURE, EINVAL,
			"cannot use overlay '%s': its image had another digest, or was elsewhere",
			overlay);
	else if (!header->backing[0])
		error_setf(
			err, STATUS_FAILURE, EINVAL,
			"cannot use overlay '%s': it is a disk of its own, not one of image '%s'",
			overlay, image->path);
	else if (strcmp(header->backing, image->path))
		error_setf(err, STATUS_FAILURE, EINVAL,
			   "cannot use overlay '%s': it is one of '%s', not of image '%s'", overlay,
			   text_clean(header->backing, "") ? TEXT_SHORT(header->backing) : "?",
			   image->path);
	else
		error_setf(err, STATUS_FAILURE, EINVAL,
			   "cannot use overlay '%s': it is not one of a %s image", overlay, format);
	return refuse(directory, NULL, err);
}

static int check_overlay(const char *directory, unsigned int index, const struct disk *disk,
			 const struct image *image, const struct qcow2 *header, const char *overlay,
			 struct error *err)
{
	int ret = check_header(directory, disk, image, header, overlay, err);

	if (!ret)
		ret = check_base(directory, index, disk, image, overlay, err);
	if (!ret)
		ret = check_size(disk, image, header->size, "overlay", err);
	return ret;
}

/* Checks the file of a disk without an image. */
static int check_empty(const char *directory, const struct disk *disk, const struct qcow2 *header,
		       const char *path, struct error *err)
{
	if (header->backing[0] || header->data_file) {
		error_setf(err, STATUS_FAILURE, EINVAL,
			   "cannot use disk '%s': it is an overlay of image '%s'", path,
			   text_clean(header->backing, "") ? TEXT_SHORT(header->backing) : "?");
		return refuse(directory, NULL, err);
	}
	if (disk->size >= header->size)
		return 0;
	error_setf(err, STATUS_DEFINITION, EINVAL,
		   "cannot shrink disk '%s': it has %" PRIu64 " bytes, 'size' is %" PRIu64, path,
		   header->size, disk->size);
	error_remedy(err, "set 'size' to at least %" PRIu64, header->size);
	return -EINVAL;
}

static int reuse(const char *directory, unsigned int index, const struct disk *disk,
		 const struct image *image, const char *overlay, int fd, struct error *err)
{
	struct qcow2 header;
	int ret;

	ret = qcow2_read(fd, overlay, &header, err);
	if (ret)
		return ret == -EINVAL ? refuse(directory, NULL, err) : ret;
	ret = image ? check_overlay(directory, index, disk, image, &header, overlay, err)
		    : check_empty(directory, disk, &header, overlay, err);
	if (!ret && disk->size > header.size)
		ret = qemu_img_grow(overlay, disk->size, err);
	return ret;
}

int overlay_open(const char *directory, unsigned int index, const struct disk *disk,
		 const struct image *image, char **path, struct error *err)
{
	cleanup_free char *overlay = overlay_path(directory, index);
	cleanup_fd int fd = -1;
	int ret;

	if (!overlay)
		return no_memory(image, err);
	fd = open(overlay, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0)
		ret = reuse(directory, index, disk, image, overlay, fd, err);
	else if (errno == ENOENT)
		ret = create(directory, index, disk, image, overlay, err);
	else
		ret = error_set_errno(err, errno, "cannot open '%s'", overlay);
	if (!ret)
		*path = take_ptr(&overlay);
	return ret;
}

void overlay_reset(const char *directory, const struct removal *removal)
{
	remove_matching(removal, directory, "disk*.qcow2", NULL);
	remove_matching(removal, directory, "disk*.base", NULL);
}

void overlay_remove_stale(const char *directory, const struct removal *removal)
{
	remove_matching(removal, directory, TEMPORARY_PATTERN, NULL);
}
