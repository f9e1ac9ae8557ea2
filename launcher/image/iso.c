// SPDX-License-Identifier: GPL-2.0-or-later
// Makes the NoCloud seed's file system: ISO 9660 with the label "cidata".
#include "launcher/image/iso.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/image/iso_date.h"
#include "launcher/image/record.h"
#include "netsetup/base/cleanup.h"

static int set_error(int code, struct error *err)
{
	return error_set_errno(err, code, "cannot make the cloud-init seed");
}

static int fail(struct archive *archive, struct error *err)
{
	int code = archive_errno(archive);

	/* libarchive sets a negative code for its misuse, and sometimes none. */
	return set_error(code > 0 ? code : EIO, err);
}

/* Reads @size bytes. Returns 0; 1 if the input ended before the first byte; or a negative errno. */
static int read_whole(int input, void *bytes, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t got = read(input, (char *)bytes + used, size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return used ? -EPROTO : 1;
		used += (size_t)got;
	}
	return 0;
}

static int add_file(struct archive *archive, const char *name, const char *data, size_t size,
		    struct error *err)
{
	struct archive_entry *entry = archive_entry_new();
	int ret = 0;

	if (!entry)
		return set_error(ENOMEM, err);
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0444);
	archive_entry_set_size(entry, (la_int64_t)size);
	archive_entry_set_mtime(entry, 0, 0);
	archive_entry_set_atime(entry, 0, 0);
	archive_entry_set_ctime(entry, 0, 0);
	if (archive_write_header(archive, entry) != ARCHIVE_OK ||
	    archive_write_data(archive, data, size) != (la_ssize_t)size)
		ret = fail(archive, err);
	archive_entry_free(entry);
	return ret;
}

/* Copies one file. Returns 0; 1 if there are no more; or a negative errno. */
static int copy_file(struct archive *archive, int input, struct error *err)
{
	struct image_file file;
	cleanup_free char *data = NULL;
	int ret = read_whole(input, &file, sizeof(file));

	if (ret == 1)
		return 1;
	if (!ret && (!memchr(file.name, '\0', sizeof(file.name)) || file.size > IMAGE_SEED_MAX))
		ret = -EPROTO;
	if (ret)
		return set_error(-ret, err);
	data = malloc(file.size + 1);
	if (!data)
		return set_error(ENOMEM, err);
	ret = read_whole(input, data, file.size);
	if (ret && file.size)
		return set_error(ret == 1 ? EPROTO : -ret, err);
	return add_file(archive, file.name, data, file.size, err);
}

/*
 * Rock Ridge and Joliet keep the names; plain ISO 9660 has no '-' and only upper case. Without the
 * padding, which only a CD drive needs, the image is 300 KiB smaller.
 */
static int write_image(int input, int output, struct error *err)
{
	static const char options[] = "volume-id=cidata,rockridge=useful,joliet,!pad";
	struct archive *archive = archive_write_new();
	int ret = 0;

	if (!archive)
		return set_error(ENOMEM, err);
	if (archive_write_set_format_iso9660(archive) != ARCHIVE_OK ||
	    archive_write_set_options(archive, options) != ARCHIVE_OK ||
	    archive_write_open_fd(archive, output) != ARCHIVE_OK)
		ret = fail(archive, err);
	while (!ret)
		ret = copy_file(archive, input, err);
	if (ret == 1)
		ret = archive_write_close(archive) != ARCHIVE_OK ? fail(archive, err) : 0;
	archive_write_free(archive);
	return ret;
}

static int reset_dates(int output, struct error *err)
{
	struct stat st;
	void *image;
	int ret;

	if (fstat(output, &st))
		return set_error(errno, err);
	image = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, output, 0);
	if (image == MAP_FAILED)
		return set_error(errno, err);
	ret = iso_date_reset(image, (size_t)st.st_size);
	munmap(image, (size_t)st.st_size);
	return ret ? set_error(-ret, err) : 0;
}

int iso_make(int input, int output, struct error *err)
{
	int ret = write_image(input, output, err);

	return ret ? ret : reset_dates(output, err);
}
