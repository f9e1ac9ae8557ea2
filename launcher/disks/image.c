// SPDX-License-Identifier: GPL-2.0-or-later
// Inspects a disk image's format and size and refuses references to other files.
#include "launcher/disks/image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/common/text.h"
#include "launcher/disks/qcow2.h"
#include "netsetup/base/cleanup.h"

/* Covers every magic number below. */
#define START_SIZE 512

/* Contents that are neither qcow2 nor a raw disk. qemu-img converts a format without @tool. */
static const struct foreign {
	size_t offset;
	const char *magic;
	size_t size;
	const char *name;
	const char *tool;
} foreigns[] = {
	{ 0, "QFI\xfb", 4, "qcow (version 1)", NULL },
	{ 0, "QED\0", 4, "qed", NULL },
	{ 0, "KDMV", 4, "vmdk", NULL },
	{ 0, "COWD", 4, "vmdk", NULL },
	{ 0, "# Disk Descriptor", 17, "vmdk", NULL },
	{ 0, "vhdxfile", 8, "vhdx", NULL },
	{ 0, "conectix", 8, "vpc (vhd)", NULL },
	{ 64, "\x7f\x10\xda\xbe", 4, "vdi", NULL },
	{ 0, "WithoutFreeSpace", 16, "parallels", NULL },
	{ 0, "WithouFreSpacExt", 16, "parallels", NULL },
	{ 0, "\3757zXZ\0", 6, "xz", "unxz" },
	{ 0, "\x1f\x8b", 2, "gzip", "gunzip" },
	{ 0, "\x28\xb5\x2f\xfd", 4, "zstd", "unzstd" },
	{ 0, "BZh", 3, "bzip2", "bunzip2" },
	{ 0, "PK\x03\x04", 4, "zip", "unzip" },
};

static bool has_qcow2_suffix(const char *path)
{
	static const char suffix[] = ".qcow2";
	size_t length = strlen(path);

	return length >= strlen(suffix) && !strcmp(path + length - strlen(suffix), suffix);
}

static int refuse_foreign(const char *path, const struct foreign *foreign, struct error *err)
{
	error_setf(err, STATUS_DEFINITION, EINVAL, "cannot use image '%s': it is %s %s", path,
		   foreign->tool ? "compressed with" : "in the format", foreign->name);
	if (foreign->tool)
		error_remedy(err, "unpack it: %s '%s'", foreign->tool, path);
	else
		error_remedy(err, "convert it: qemu-img convert -O qcow2 '%s' NEW.qcow2", path);
	error_remedy(err, "or, if it is a raw disk all the same, set its 'format: raw'");
	return -EINVAL;
}

static int check_foreign(const char *path, const char *start, size_t size, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(foreigns); i++) {
		const struct foreign *foreign = &foreigns[i];

		if (foreign->offset + foreign->size <= size &&
		    !memcmp(start + foreign->offset, foreign->magic, foreign->size))
			return refuse_foreign(path, foreign, err);
	}
	return 0;
}

/* Detects the format for `format: auto`. */
static int detect(const struct disk *disk, const char *start, size_t size, struct image *image,
		  struct error *err)
{
	const char *path = image->path;

	if (!qcow2_magic(start, size)) {
		int ret = check_foreign(path, start, size, err);

		if (ret)
			return ret;
		if (has_qcow2_suffix(path)) {
			error_setf(err, STATUS_DEFINITION, EINVAL,
				   "cannot use image '%s': it is not qcow2, but its name says so",
				   path);
			error_remedy(err, "get the image again, or set its 'format: raw'");
			return -EINVAL;
		}
		image->format = DISK_FORMAT_RAW;
		return 0;
	}
	if (disk->mode == DISK_DIRECT && !has_qcow2_suffix(path)) {
		error_setf(err, STATUS_DEFINITION, EINVAL,
			   "cannot detect the format of image '%s': the guest of a raw disk could "
			   "have written its qcow2 header",
			   path);
		error_remedy(err, "set its 'format: qcow2' (or 'raw')");
		return -EINVAL;
	}
	image->format = DISK_FORMAT_QCOW2;
	return 0;
}

static int check_qcow2(int fd, struct image *image, struct error *err)
{
	const char *path = image->path;
	struct qcow2 header;
	int ret = qcow2_read(fd, path, &header, err);

	if (ret)
		return ret;
	image->size = header.size;
	if (!header.backing[0] && !header.data_file)
		return 0;

	if (header.backing[0])
		error_setf(err, STATUS_DEFINITION, EINVAL,
			   "cannot use image '%s': it is based on another file, '%s'", path,
			   text_clean(header.backing, "") ? TEXT_SHORT(header.backing) : "?");
	else
		error_setf(err, STATUS_DEFINITION, EINVAL,
			   "cannot use image '%s': its data is in another file", path);
	error_remedy(err,
		     "if you trust that file, copy both into one image: "
		     "qemu-img convert -O qcow2 '%s' NEW.qcow2",
		     path);
	return -EINVAL;
}

static int open_image(struct image *image, int *fd, struct error *err)
{
	const char *path = image->path;
	cleanup_fd int opened = -1;
	off_t end;
	struct stat st;

	/* The path must fit on a line of messages, QEMU's command and the record of an overlay. */
	if (!text_clean(path, ""))
		return error_setf(err, STATUS_DEFINITION, EINVAL,
				  "cannot use an image whose path has a control character or is "
				  "not UTF-8");
	opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (opened < 0)
		return error_set_errno(err, errno, "cannot open image '%s'", path);
	if (fstat(opened, &st))
		return error_set_errno(err, errno, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return error_setf(err, STATUS_DEFINITION, EINVAL,
				  "cannot use image '%s': it is neither a file nor a block device",
				  path);
	end = lseek(opened, 0, SEEK_END);
	if (end < 0)
		return error_set_errno(err, errno, "cannot read '%s'", path);

	image->device = S_ISBLK(st.st_mode);
	image->file_size = end;
	image->size = end;
	if (!image->device)
		image->mtime = st.st_mtim;
	*fd = take_fd(&opened);
	return 0;
}

int image_inspect(const char *path, const struct disk *disk, struct image *image, struct error *err)
{
	struct image found = { .path = path, .format = disk->format };
	cleanup_fd int fd = -1;
	char start[START_SIZE];
	ssize_t got;
	int ret;

	ret = open_image(&found, &fd, err);
	if (ret)
		return ret;
	got = pread(fd, start, sizeof(start), 0);
	if (got < 0)
		return error_set_errno(err, errno, "cannot read '%s'", path);

	if (found.format == DISK_FORMAT_AUTO)
		ret = detect(disk, start, got, &found, err);
	if (!ret && found.format == DISK_FORMAT_QCOW2)
		ret = check_qcow2(fd, &found, err);
	if (!ret && !found.size)
		ret = error_setf(err, STATUS_DEFINITION, EINVAL,
				 "cannot use image '%s': it is empty", path);
	if (!ret)
		*image = found;
	return ret;
}
