// SPDX-License-Identifier: GPL-2.0-or-later
// Reads size and references to other files from a qcow2 header (docs/interop/qcow2.txt).
#include "launcher/formats/qcow2.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define MAGIC 0x514649fbu /* "QFI\xfb" */

#define HEADER_2_SIZE 72
#define HEADER_3_SIZE 104

/* Bits of the field incompatible. */
#define CORRUPT     (UINT64_C(1) << 1)
#define DATA_FILE   (UINT64_C(1) << 2)
#define EXTENDED_L2 (UINT64_C(1) << 4)
#define KNOWN_BITS  UINT64_C(0x1f)

/* Limits of QEMU (block/qcow2.h). */
#define CRYPT_METHOD_MAX   2
#define REFCOUNT_ORDER_MAX 6
#define L1_SIZE_MAX        (32u << 20)
#define REFCOUNT_TABLE_MAX (8u << 20)
#define SNAPSHOT_COUNT_MAX 65536

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
	return be32toh(start[0]) == MAGIC && be32toh(start[1]) >= 2;
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

/* Refuses what the fields of version 3 say. */
static int check_features(const char *path, const struct header *header, struct error *err)
{
	const uint64_t bits = be64toh(header->incompatible);

	if (bits & ~KNOWN_BITS)
		return malformed(path, "it needs features that vmrun does not know", err);
	if (be32toh(header->refcount_order) > REFCOUNT_ORDER_MAX)
		return malformed(path, "its reference counts have an impossible size", err);
	if (!(bits & CORRUPT))
		return 0;
	error_setf(err, STATUS_FAILURE, EINVAL, "cannot use image '%s': QEMU marked it as corrupt",
		   path);
	error_remedy(err, "get the image again, or repair a copy of it: qemu-img check -r all");
	return -EINVAL;
}

/* True if a table begins at a cluster and, unless it is empty, lies in the file. */
static bool table_fits(uint64_t offset, uint64_t size, uint64_t cluster, uint64_t end)
{
	return offset % cluster == 0 && offset <= INT64_MAX &&
	       (!size || (offset >= cluster && offset <= end && size <= end - offset));
}

/* Checks the offsets and sizes of the tables, which QEMU would read as zeros after the end. */
static const char *tables_wrong(const struct header *header, bool extended, uint64_t end)
{
	const uint64_t cluster = UINT64_C(1) << be32toh(header->cluster_bits);
	const uint64_t per_entry = cluster * (cluster / (extended ? 16 : 8));
	const uint64_t size = be64toh(header->size);
	const uint64_t l1_size = be32toh(header->l1_size) * UINT64_C(8);
	const uint64_t counts = be32toh(header->refcount_clusters) * cluster;

	if (l1_size > L1_SIZE_MAX || l1_size / 8 < size / per_entry + (size % per_entry != 0))
		return "its size does not fit its table of clusters";
	if (!counts || counts > REFCOUNT_TABLE_MAX ||
	    be32toh(header->snapshot_count) > SNAPSHOT_COUNT_MAX)
		return "a table has an impossible size";
	if (!table_fits(be64toh(header->refcount_offset), 1, cluster, end) ||
	    !table_fits(be64toh(header->l1_offset), l1_size, cluster, end) ||
	    !table_fits(be64toh(header->snapshot_offset), header->snapshot_count != 0, cluster,
			end))
		return "it ends too early";
	return NULL;
}

/* Checks all fields but those of the backing file. */
static int check_fields(int fd, const char *path, const struct header *header, struct error *err)
{
	const uint32_t version = be32toh(header->version);
	const off_t end = lseek(fd, 0, SEEK_END);
	const char *wrong = NULL;
	int ret = version == 3 ? check_features(path, header, err) : 0;

	if (ret)
		return ret;
	if (end < 0)
		return error_set_errno(err, errno, "cannot read '%s'", path);
	if (be32toh(header->crypt_method) > CRYPT_METHOD_MAX)
		wrong = "its encryption is not known";
	else
		wrong = tables_wrong(header,
				     version == 3 && be64toh(header->incompatible) & EXTENDED_L2,
				     (uint64_t)end);
	return wrong ? malformed(path, wrong, err) : 0;
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
	if (be32toh(raw.version) > 3)
		return error_setf(err, STATUS_FAILURE, EINVAL,
				  "cannot use image '%s': it is qcow2 of version %u, and only 2 "
				  "and 3 are known",
				  path, be32toh(raw.version));
	cluster_bits = be32toh(raw.cluster_bits);
	if (cluster_bits < 9 || cluster_bits > 21)
		return malformed(path, "its clusters have an impossible size", err);
	end = UINT64_C(1) << cluster_bits;
	extensions = header_end(&raw);
	if (!extensions || extensions > end)
		return malformed(path, "its header has an impossible size", err);
	ret = check_fields(fd, path, &raw, err);
	if (ret)
		return ret;

	found.encrypted = raw.crypt_method != 0;
	found.size = be64toh(raw.size);
	if (be32toh(raw.version) == 3)
		found.data_file = be64toh(raw.incompatible) & DATA_FILE;
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
