// SPDX-License-Identifier: GPL-2.0-or-later
// Reads size and references to other files from a qcow2 header (docs/interop/qcow2.txt).
#include "launcher/disks/qcow2.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define MAGIC 0x514649fbu /* "QFI\xfb" */

#define HEADER_2_SIZE 72
#define HEADER_3_SIZE 104

#define INCOMPATIBLE_DATA_FILE (UINT64_C(1) << 2)

#define EXTENSION_END     0
#define EXTENSION_BACKING 0xe2792aca

/* All numbers are big-endian. */
struct header {
	uint32_t magic;
	uint32_t version;
	uint64_t backing_offset;
	uint32_t backing_size;
	uint32_t cluster_bits;
	uint64_t size;
	uint32_t crypt_method;
	uint32_t l1_size;
	uint64_t l1_offset;
	uint64_t refcount_offset;
	uint32_t refcount_clusters;
	uint32_t snapshot_count;
	uint64_t snapshot_offset;
	/* The fields below exist in version 3 only. */
	uint64_t incompatible;
	uint64_t compatible;
	uint64_t autoclear;
	uint32_t refcount_order;
	uint32_t header_size;
};

_Static_assert(sizeof(struct header) == HEADER_3_SIZE, "as in docs/interop/qcow2.txt");
_Static_assert(offsetof(struct header, incompatible) == HEADER_2_SIZE, "the same");

struct extension {
	uint32_t type;
	uint32_t size;
};

static int malformed(const char *path, const char *what, struct error *err)
{
	return error_setf(err, STATUS_FAILURE, EINVAL, "image '%s' is not a valid qcow2 image: %s",
			  path, what);
}

static int read_at(int fd, const char *path, uint64_t offset, void *bytes, size_t size,
		   struct error *err)
{
	ssize_t got = pread(fd, bytes, size, (off_t)offset);

	if (got < 0)
		return error_set_errno(err, errno, "cannot read '%s'", path);
	if ((size_t)got != size)
		return malformed(path, "it ends too early", err);
	return 0;
}

bool qcow2_magic(const void *bytes, size_t size)
{
	uint32_t start[2];

	if (size < sizeof(start))
		return false;
	memcpy(start, bytes, sizeof(start));
	return be32toh(start[0]) == MAGIC && (be32toh(start[1]) == 2 || be32toh(start[1]) == 3);
}

/* Reads a text, which must lie in the first cluster; @end is the cluster's end. */
static int read_text(int fd, const char *path, uint64_t offset, uint32_t size, uint64_t end,
		     char text[QCOW2_NAME_SIZE], struct error *err)
{
	int ret;

	if (size >= QCOW2_NAME_SIZE || offset > end || size > end - offset)
		return malformed(path, "a name lies outside of its header", err);
	ret = read_at(fd, path, offset, text, size, err);
	text[ret ? 0 : size] = '\0';
	return ret;
}

/* Searches the header extensions for the backing file's format; @end: of the extensions. */
static int read_extensions(int fd, const char *path, uint64_t offset, uint64_t end,
			   struct qcow2 *header, struct error *err)
{
	struct extension extension;
	int ret;

	while (end - offset >= sizeof(extension)) {
		ret = read_at(fd, path, offset, &extension, sizeof(extension), err);
		if (ret)
			return ret;
		offset += sizeof(extension);
		extension.type = be32toh(extension.type);
		extension.size = be32toh(extension.size);

		if (extension.type == EXTENSION_END)
			return 0;
		if (extension.size > end - offset)
			return malformed(path, "an extension lies outside of its header", err);
		if (extension.type == EXTENSION_BACKING)
			return read_text(fd, path, offset, extension.size, end,
					 header->backing_format, err);
		offset += (extension.size + UINT64_C(7)) & ~UINT64_C(7);
		if (offset > end)
			return 0;
	}
	return 0;
}

/* Returns the offset of the header's end, where extensions begin; 0 if its size is invalid. */
static uint64_t header_end(const struct header *header)
{
	uint64_t size = be32toh(header->header_size);

	if (be32toh(header->version) == 2)
		return HEADER_2_SIZE;
	return size >= HEADER_3_SIZE && size % 8 == 0 ? size : 0;
}

int qcow2_read(int fd, const char *path, struct qcow2 *header, struct error *err)
{
	struct qcow2 found = { 0 };
	struct header raw;
	uint64_t end, extensions;
	uint32_t cluster_bits;
	int ret;

	/* Version 2 has a shorter header, but no image is shorter than two 512-byte clusters. */
	ret = read_at(fd, path, 0, &raw, sizeof(raw), err);
	if (ret)
		return ret;
	if (!qcow2_magic(&raw, sizeof(raw)))
		return malformed(path, "its magic number is wrong", err);
	cluster_bits = be32toh(raw.cluster_bits);
	if (cluster_bits < 9 || cluster_bits > 21)
		return malformed(path, "its clusters have an impossible size", err);
	end = UINT64_C(1) << cluster_bits;
	extensions = header_end(&raw);
	if (!extensions || extensions > end)
		return malformed(path, "its header has an impossible size", err);

	found.size = be64toh(raw.size);
	if (be32toh(raw.version) == 3)
		found.data_file = be64toh(raw.incompatible) & INCOMPATIBLE_DATA_FILE;
	if (raw.backing_offset) {
		ret = read_text(fd, path, be64toh(raw.backing_offset), be32toh(raw.backing_size),
				end, found.backing, err);
		if (ret)
			return ret;
		if (be64toh(raw.backing_offset) < end)
			end = be64toh(raw.backing_offset);
		if (end < extensions)
			return malformed(path, "its header has an impossible size", err);
	}
	ret = read_extensions(fd, path, extensions, end, &found, err);
	if (!ret)
		*header = found;
	return ret;
}
