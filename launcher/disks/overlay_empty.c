// SPDX-License-Identifier: GPL-2.0-or-later
// A disk without an image: a qcow2 file that begins empty, for an installer to write to.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/common/text.h"
#include "launcher/disks/overlay.h"
#include "launcher/disks/qcow2.h"
#include "launcher/disks/qemu_img.h"
#include "netsetup/base/cleanup.h"

int overlay_empty_temporary(const char *directory, unsigned int index, const struct disk *disk,
			    char **path, struct error *err)
{
	cleanup_free char *made = NULL;
	cleanup_fd int fd = -1;
	int ret;

	ret = overlay_make_temporary(directory, index, &made, &fd, err);
	if (ret)
		return ret;
	ret = qemuimg_create(made, NULL, DISK_FORMAT_AUTO, disk->size, err);
	if (ret) {
		unlink(made);
		return ret;
	}
	*path = take_ptr(&made);
	return 0;
}

static int create(const char *directory, unsigned int index, const struct disk *disk,
		  const char *path, struct error *err)
{
	cleanup_free char *temporary = NULL;
	int ret;

	ret = overlay_empty_temporary(directory, index, disk, &temporary, err);
	if (!ret && rename(temporary, path)) {
		ret = error_set(err, errno, "cannot make disk '%s'", path);
		unlink(temporary);
	}
	return ret;
}

static int reuse(const char *directory, const struct disk *disk, const char *path, int fd,
		 struct error *err)
{
	struct qcow2 header;
	int ret;

	ret = qcow2_read(fd, path, &header, err);
	if (ret)
		return ret == -EINVAL ? overlay_refuse(directory, NULL, err) : ret;
	if (header.backing[0] || header.data_file) {
		error_say(err, STATUS_FAILURE, EINVAL,
			  "cannot use disk '%s': it is an overlay of image '%s'", path,
			  text_clean(header.backing, "") ? SHORT(header.backing) : "?");
		return overlay_refuse(directory, NULL, err);
	}
	if (disk->size < header.size) {
		error_say(err, STATUS_DEFINITION, EINVAL,
			  "cannot shrink disk '%s': it has %" PRIu64 " bytes, 'size' is %" PRIu64,
			  path, header.size, disk->size);
		error_remedy(err, "set 'size' to at least %" PRIu64, header.size);
		return -EINVAL;
	}
	return disk->size > header.size ? qemuimg_grow(path, disk->size, err) : 0;
}

int overlay_empty(const char *directory, unsigned int index, const struct disk *disk, char **path,
		  struct error *err)
{
	cleanup_free char *wanted = overlay_path(directory, index);
	cleanup_fd int fd = -1;
	int ret;

	if (!wanted)
		return error_set(err, ENOMEM, "cannot make a disk");
	fd = open(wanted, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0)
		ret = reuse(directory, disk, wanted, fd, err);
	else if (errno == ENOENT)
		ret = create(directory, index, disk, wanted, err);
	else
		ret = error_set(err, errno, "cannot open '%s'", wanted);
	if (!ret)
		*path = take_ptr(&wanted);
	return ret;
}
