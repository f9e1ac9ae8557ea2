// SPDX-License-Identifier: GPL-2.0-or-later
// Inspects a disk image's format and size and refuses references to other files.
#include "launcher/formats/image.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/common/argv.h"
#include "launcher/common/text.h"
#include "launcher/formats/magic.h"
#include "launcher/formats/qcow2.h"
#include "netsetup/base/cleanup.h"

/* No disk is smaller than a sector. */
#define SECTOR_SIZE 512

_Static_assert(MAGIC_SIZE >= SECTOR_SIZE, "what is shorter is read whole");

/**
 * struct bytes - the first and the last bytes of an image.
 */
struct bytes {
	char start[MAGIC_SIZE];
	char end[MAGIC_SIZE];
	size_t start_size;
	size_t end_size;
};

static bool has_qcow2_suffix(const char *path)
{
	static const char suffix[] = ".qcow2";
	size_t length = strlen(path);

	return length >= strlen(suffix) && !strcmp(path + length - strlen(suffix), suffix);
}

/* Returns the URL of a file (RFC 8089), allocated; NULL if memory runs out. */
static char *file_url(const char *path)
{
	char *url = NULL;
	size_t size;
	FILE *out = open_memstream(&url, &size);

	if (!out)
		return NULL;
	fputs("file://", out);
	for (const char *at = path; *at; at++)
		fprintf(out, isalnum((unsigned char)*at) || strchr("-._~/", *at) ? "%c" : "%%%02X",
			(unsigned char)*at);
	return fclose(out) ? NULL : url;
}

/* vmrun-image unpacks what comes from a URL, and leaves the file as it is. */
static void remedy_url(const char *path, bool archive, struct error *err)
{
	cleanup_free char *url = file_url(path);

	if (url)
		error_remedy(err,
			     "or%s have it unpacked into the cache, with the digest that 'vmrun "
			     "fetch --accept-digest' prints: image: %s",
			     archive ? ", if it has one disk image," : "", url);
}

/* Adds the command that makes an image of the file. */
static void remedy_magic(const char *path, const struct magic *magic, struct error *err)
{
	const bool tar = magic->kind == MAGIC_COMPRESSED && strstr(path, ".tar.");

	if (magic->kind == MAGIC_OTHER)
		error_remedy(err, "%s", magic->command);
	else if (magic->kind == MAGIC_IMAGE)
		error_remedy(err, "convert it: %s %s NEW.%s", magic->command, ARGV_WORD(path),
			     strstr(magic->command, "qcow2") ? "qcow2" : "raw");
	else if (magic->kind == MAGIC_ARCHIVE || tar)
		error_remedy(err, "unpack it, and use the image in it: %s %s",
			     tar ? "tar -xf" : magic->command, ARGV_WORD(path));
	else
		error_remedy(err, "unpack it: %s %s >NEW", magic->command, ARGV_WORD(path));
	if (magic->unpacks)
		remedy_url(path, tar || magic->kind == MAGIC_ARCHIVE, err);
}

static int refuse_magic(const char *path, const struct magic *magic, struct error *err)
{
	static const char *const kinds[] = {
		[MAGIC_IMAGE] = "in the format ",
		[MAGIC_COMPRESSED] = "compressed with ",
		[MAGIC_ARCHIVE] = "an archive in the format ",
		[MAGIC_OTHER] = "",
	};

	error_setf(err, STATUS_DEFINITION, EINVAL, "cannot use image '%s': it is %s%s", path,
		   kinds[magic->kind], magic->name);
	remedy_magic(path, magic, err);
	error_remedy(err, "or, if it is a raw disk all the same, set its 'format: raw'");
	return -EINVAL;
}

/* Refuses what is no raw disk, for `format: auto`. */
static int check_raw(const struct image *image, const struct bytes *bytes, struct error *err)
{
	const struct magic *magic = magic_find(bytes->start, bytes->start_size, bytes->end,
					       bytes->end_size);
	const char *path = image->path;

	if (magic)
		return refuse_magic(path, magic, err);
	if (has_qcow2_suffix(path)) {
		error_setf(err, STATUS_DEFINITION, EINVAL,
			   "cannot use image '%s': it is not qcow2, but its name says so", path);
		error_remedy(err, "get the image again, or set its 'format: raw'");
		return -EINVAL;
	}
	if (!image->file_size || image->file_size >= SECTOR_SIZE)
		return 0;
	error_setf(err, STATUS_DEFINITION, EINVAL,
		   "cannot use image '%s': it has only %" PRIu64 " bytes, less than a sector", path,
		   image->file_size);
	error_remedy(err, "get the image again, or set its 'format: raw'");
	return -EINVAL;
}

/* Detects the format for `format: auto`. */
static int detect(const struct bytes *bytes, bool direct, struct image *image, struct error *err)
{
	const char *path = image->path;

	if (!qcow2_magic(bytes->start, bytes->start_size)) {
		image->format = DISK_FORMAT_RAW;
		return check_raw(image, bytes, err);
	}
	if (direct && !has_qcow2_suffix(path)) {
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

/* Refuses another known format, for `format: qcow2`; qcow2_read() refuses all other content. */
static int check_declared(const struct image *image, const struct bytes *bytes, struct error *err)
{
	const struct magic *magic = magic_find(bytes->start, bytes->start_size, bytes->end,
					       bytes->end_size);

	return magic ? refuse_magic(image->path, magic, err) : 0;
}

/* Writes QEMU's options for an encrypted image; a comma in a value is doubled. */
static char *encrypted_options(const char *path)
{
	char *options = NULL;
	size_t size;
	FILE *out = open_memstream(&options, &size);

	if (!out)
		return NULL;
	fputs("driver=qcow2,file.filename=", out);
	for (const char *at = path; *at; at++)
		fprintf(out, "%s%c", *at == ',' ? "," : "", *at);
	fputs(",encrypt.key-secret=key", out);
	return fclose(out) ? NULL : options;
}

static int refuse_encrypted(const char *path, struct error *err)
{
	cleanup_free char *options = encrypted_options(path);

	error_setf(err, STATUS_DEFINITION, EINVAL, "cannot use image '%s': it is encrypted", path);
	if (options)
		error_remedy(
			err,
			"decrypt it: qemu-img convert --object secret,id=key,file=PASSPHRASE-FILE "
			"--image-opts %s -O qcow2 NEW.qcow2",
			ARGV_WORD(options));
	return -EINVAL;
}

static int check_qcow2(int fd, struct image *image, struct error *err)
{
	const char *path = image->path;
	struct qcow2 header;
	int ret = qcow2_read(fd, path, &header, err);

	if (ret)
		return ret;
	image->size = header.size;
	if (header.encrypted)
		return refuse_encrypted(path, err);
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
		     "qemu-img convert -O qcow2 %s NEW.qcow2",
		     ARGV_WORD(path));
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

static int read_bytes(int fd, const struct image *image, struct bytes *bytes, struct error *err)
{
	const off_t size = (off_t)image->file_size;
	const off_t end = size > MAGIC_SIZE ? size - MAGIC_SIZE : 0;
	const ssize_t first = pread(fd, bytes->start, MAGIC_SIZE, 0);
	const ssize_t last = pread(fd, bytes->end, MAGIC_SIZE, end);

	if (first < 0 || last < 0)
		return error_set_errno(err, errno, "cannot read '%s'", image->path);
	bytes->start_size = (size_t)first;
	bytes->end_size = (size_t)last;
	return 0;
}

int image_inspect(const char *path, enum disk_format format, bool direct, struct image *image,
		  struct error *err)
{
	struct image found = { .path = path, .format = format };
	cleanup_fd int fd = -1;
	struct bytes bytes = { 0 };
	int ret;

	ret = open_image(&found, &fd, err);
	if (!ret)
		ret = read_bytes(fd, &found, &bytes, err);
	if (!ret && format == DISK_FORMAT_AUTO)
		ret = detect(&bytes, direct, &found, err);
	if (!ret && format == DISK_FORMAT_QCOW2 && !qcow2_magic(bytes.start, bytes.start_size))
		ret = check_declared(&found, &bytes, err);
	if (!ret && found.format == DISK_FORMAT_QCOW2)
		ret = check_qcow2(fd, &found, err);
	if (!ret && !found.size)
		ret = error_setf(err, STATUS_DEFINITION, EINVAL,
				 "cannot use image '%s': it is empty", path);
	if (!ret)
		*image = found;
	return ret;
}
