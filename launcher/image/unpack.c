// SPDX-License-Identifier: GPL-2.0-or-later
// Unpacks a compressed image, in a process that can do nothing else.
#include "launcher/image/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/common/file.h"
#include "launcher/formats/magic.h"
#include "launcher/image/progress.h"
#include "launcher/image/sandbox.h"
#include "netsetup/base/cleanup.h"

#define INPUT_SIZE (128 * 1024)

/* Period of looking at the progress. */
#define SHOW_MS 100

/* Limit for an image without a digest. Zeros need no space and do not count. */
#define UNPACK_RATIO 64u

/* Holes are multiples of this, the block size of usual file systems. */
#define HOLE_SIZE 4096

/* Codes of the child for archives; see fail(). */
#define NO_IMAGE    ENOMSG
#define MANY_IMAGES EEXIST
#define TOO_LARGE   EOVERFLOW

/* Up to run_child(), runs in the child. */

struct stream {
	int input;
	char buffer[INPUT_SIZE];
};

static la_ssize_t read_input(struct archive *archive, void *context, const void **bytes)
{
	struct stream *stream = context;
	ssize_t got;

	do
		got = read(stream->input, stream->buffer, sizeof(stream->buffer));
	while (got < 0 && errno == EINTR);
	*bytes = stream->buffer;
	return got;
}

static bool all_zero(const char *bytes, size_t size)
{
	return bytes[0] == 0 && !memcmp(bytes, bytes + 1, size - 1);
}

/* Returns the length up to the end of the file system's block or of the bytes. */
static size_t block_length(size_t size, int64_t offset)
{
	size_t rest = HOLE_SIZE - (size_t)offset % HOLE_SIZE;

	return size < rest ? size : rest;
}

/* Returns the length of the longest start whose blocks are all zero, or none is. */
static size_t uniform_length(const char *bytes, size_t size, int64_t offset, bool *hole)
{
	size_t length = block_length(size, offset);

	*hole = all_zero(bytes, length);
	while (length < size) {
		size_t next = block_length(size - length, offset + (int64_t)length);

		if (all_zero(bytes + length, next) != *hole)
			break;
		length += next;
	}
	return length;
}

/**
 * struct output - the unpacked image.
 * @most: number of bytes that may still be written, beside holes.
 */
struct output {
	int fd;
	uint64_t most;
};

static int write_at(struct output *output, const char *bytes, size_t size, int64_t offset)
{
	int ret = 0;

	while (size && !ret) {
		bool hole;
		const size_t length = uniform_length(bytes, size, offset, &hole);

		if (!hole && length > output->most)
			return TOO_LARGE;
		ret = hole ? 0 : file_write_at(output->fd, bytes, length, offset);
		output->most -= hole ? 0 : length;
		bytes += length;
		size -= length;
		offset += (int64_t)length;
	}
	return -ret;
}

/* Copies an entry, which may end in a hole. */
static int copy_blocks(struct archive *archive, struct archive_entry *entry, struct output *output)
{
	int64_t end = archive_entry_size(entry);

	for (;;) {
		const void *bytes;
		la_int64_t offset;
		size_t size;
		int ret = archive_read_data_block(archive, &bytes, &size, &offset);
		int code;

		if (ret == ARCHIVE_EOF)
			return ftruncate(output->fd, end) ? errno : 0;
		if (ret != ARCHIVE_OK && ret != ARCHIVE_WARN)
			return EBADMSG;
		code = size ? write_at(output, bytes, size, offset) : 0;
		if (code)
			return code;
		if (end < offset + (int64_t)size)
			end = offset + (int64_t)size;
	}
}

/**
 * struct content - the unpacked bytes of a tar archive.
 * @archive: source of all blocks but the first.
 * @first, @size: the first block; @size is 0 after it was read.
 */
struct content {
	struct archive *archive;
	const void *first;
	size_t size;
};

static la_ssize_t read_content(struct archive *archive, void *context, const void **bytes)
{
	struct content *content = context;
	la_int64_t offset;
	size_t size = content->size;
	int ret;

	*bytes = content->first;
	content->size = 0;
	if (size)
		return (la_ssize_t)size;
	ret = archive_read_data_block(content->archive, bytes, &size, &offset);
	if (ret == ARCHIVE_OK || ret == ARCHIVE_WARN)
		return (la_ssize_t)size;
	return ret == ARCHIVE_EOF ? 0 : -1;
}

static bool is_image(struct archive_entry *entry)
{
	static const char *const suffixes[] = { ".raw", ".img", ".qcow2" };
	const char *name = archive_entry_pathname(entry);
	const char *dot = name ? strrchr(name, '.') : NULL;

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (dot && archive_entry_filetype(entry) == AE_IFREG && !strcmp(dot, suffixes[i]))
			return true;
	return false;
}

/* Copies the only disk image of a tar archive. */
static int unpack_tar(struct archive *archive, struct content *content, struct output *output)
{
	struct archive_entry *entry;
	bool found = false;
	int code, ret;

	if (archive_read_support_format_tar(archive) != ARCHIVE_OK)
		return ENOSYS;
	if (archive_read_open(archive, content, NULL, read_content, NULL) != ARCHIVE_OK)
		return EBADMSG;
	while ((ret = archive_read_next_header(archive, &entry)) == ARCHIVE_OK ||
	       ret == ARCHIVE_WARN) {
		if (!is_image(entry))
			continue;
		if (found)
			return MANY_IMAGES;
		found = true;
		code = copy_blocks(archive, entry, output);
		if (code)
			return code;
	}
	if (ret != ARCHIVE_EOF)
		return EBADMSG;
	return found ? 0 : NO_IMAGE;
}

static int copy_content(struct archive *archive, struct archive_entry *entry, struct output *output)
{
	struct content content = { .archive = archive };
	const struct magic *magic;
	struct archive *inner;
	la_int64_t offset;
	int code, ret;

	ret = archive_read_data_block(archive, &content.first, &content.size, &offset);
	if (ret == ARCHIVE_EOF)
		return 0;
	if (ret != ARCHIVE_OK && ret != ARCHIVE_WARN)
		return EBADMSG;
	magic = magic_find(content.first, content.size, NULL, 0);
	/* Without a filter only the magic was right, or it is a bare tar archive. */
	if (!magic || magic->kind != MAGIC_ARCHIVE || !magic->unpacks) {
		if (archive_filter_code(archive, 0) == ARCHIVE_FILTER_NONE)
			return EBADMSG;
		code = write_at(output, content.first, content.size, offset);
		archive_entry_set_size(entry, offset + (la_int64_t)content.size);
		return code ? code : copy_blocks(archive, entry, output);
	}
	inner = archive_read_new();
	code = inner ? unpack_tar(inner, &content, output) : ENOMEM;
	archive_read_free(inner);
	return code;
}

static int unpack_all(struct archive *archive, struct stream *stream, struct output *output)
{
	struct archive_entry *entry;

	if (archive_read_support_filter_xz(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_gzip(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(archive) != ARCHIVE_OK ||
	    archive_read_support_format_raw(archive) != ARCHIVE_OK)
		return ENOSYS;
	if (archive_read_open(archive, stream, NULL, read_input, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(archive, &entry) != ARCHIVE_OK)
		return EBADMSG;
	return copy_content(archive, entry, output);
}

static void run_child(int input, struct output *output, int answer)
{
	struct archive *archive;
	struct stream *stream;
	int code = ENOMEM;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, SIG_DFL);
	if (sandbox_unpack(&input, &output->fd, &answer) < 0)
		_exit(1);
	archive = archive_read_new();
	stream = calloc(1, sizeof(*stream));
	if (archive && stream) {
		stream->input = input;
		code = unpack_all(archive, stream, output);
	}
	if (write(answer, &code, sizeof(code)) != (ssize_t)sizeof(code))
		_exit(1);
	_exit(0);
}

static int fail(int code, struct error *err)
{
	switch (code) {
	case EBADMSG:
		return error_setf(err, STATUS_FAILURE, code,
				  "cannot unpack the image: its compressed data is damaged");
	case NO_IMAGE:
		return error_setf(err, STATUS_FAILURE, code,
				  "cannot unpack the image: it is a tar archive without a file "
				  "that is named .raw, .img or .qcow2");
	case MANY_IMAGES:
		return error_setf(err, STATUS_FAILURE, code,
				  "cannot unpack the image: it is a tar archive with several disk "
				  "images");
	case TOO_LARGE:
		error_setf(err, STATUS_FAILURE, code,
			   "cannot unpack the image: it is more than %u times as large as its "
			   "download, and no digest says that this is right",
			   UNPACK_RATIO);
		return error_remedy(err, "write its digest into the definition"), -code;
	}
	return error_set_errno(err, code, "cannot unpack the image");
}

bool unpack_blames_image(int code)
{
	return code == EBADMSG || code == NO_IMAGE || code == MANY_IMAGES || code == TOO_LARGE;
}

/* Waits for the child and shows how much of the file it has read. */
static int take_answer(int answer, int input, uint64_t size)
{
	struct pollfd end = { .fd = answer, .events = POLLIN };
	int code = 0;
	ssize_t got;

	while (poll(&end, 1, SHOW_MS) <= 0)
		progress_show((uint64_t)lseek(input, 0, SEEK_CUR), size);
	got = read(answer, &code, sizeof(code));
	return got == (ssize_t)sizeof(code) ? code : -1;
}

int unpack(int input, uint64_t size, int output, bool pinned, struct error *err)
{
	struct output out = { output, pinned ? UINT64_MAX : size * UNPACK_RATIO };
	cleanup_fd int read_end = -1;
	int ends[2];
	pid_t pid;
	int code;

	if (pipe2(ends, O_CLOEXEC))
		return error_set_errno(err, errno, "cannot start to unpack");
	read_end = ends[0];
	pid = fork();
	if (pid == 0)
		run_child(input, &out, ends[1]);
	close(ends[1]);
	if (pid < 0)
		return error_set_errno(err, errno, "cannot start to unpack");
	code = take_answer(read_end, input, size);
	waitpid(pid, NULL, 0);
	if (code < 0)
		return error_setf(err, STATUS_FAILURE, EBADMSG,
				  "cannot unpack the image: the unpacker was killed");
	return code ? fail(code, err) : 0;
}
