// SPDX-License-Identifier: GPL-2.0-or-later
// Reads and writes whole small files and locks files.
#include "launcher/common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

#define CAPACITY_FIRST 4096

#define LOCK_TRIES 20

/* Stops at the end of the file or after more than @max bytes. */
static int read_all(int fd, size_t max, char **data, size_t *size)
{
	cleanup_free char *buffer = NULL;
	size_t capacity = 0;
	size_t length = 0;
	ssize_t got;

	do {
		if (length == capacity) {
			size_t next = capacity ? capacity * 2 : CAPACITY_FIRST;
			char *larger = realloc(buffer, next + 1);

			if (!larger)
				return -ENOMEM;
			buffer = larger;
			capacity = next;
		}
		got = read(fd, buffer + length, capacity - length);
		if (got < 0 && errno != EINTR)
			return -errno;
		length += got > 0 ? got : 0;
	} while (got && length <= max);

	buffer[length] = '\0';
	*data = take_ptr(&buffer);
	*size = length;
	return 0;
}

int file_read(const char *path, size_t max, char **data, size_t *size, struct error *err)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	cleanup_free char *read_data = NULL;
	size_t read_size = 0;
	struct stat st;
	int ret;

	if (fd < 0)
		return error_set_errno(err, errno, "cannot open '%s'", path);
	if (fstat(fd, &st))
		return error_set_errno(err, errno, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		return error_setf(err, STATUS_DEFINITION, EINVAL,
				  "cannot read '%s': it is not a file", path);
	ret = read_all(fd, max, &read_data, &read_size);
	if (ret)
		return error_set_errno(err, -ret, "cannot read '%s'", path);
	if (read_size > max)
		return error_setf(err, STATUS_DEFINITION, EFBIG,
				  "cannot read '%s': it has more than %zu bytes", path, max);
	*data = take_ptr(&read_data);
	*size = read_size;
	return 0;
}

int file_write_at(int fd, const void *bytes, size_t size, off_t offset)
{
	const char *next = bytes;

	while (size) {
		const ssize_t put = offset < 0 ? write(fd, next, size)
					       : pwrite(fd, next, size, offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		next += put;
		size -= (size_t)put;
		offset += offset < 0 ? 0 : put;
	}
	return 0;
}

int file_write(int fd, const void *bytes, size_t size)
{
	return file_write_at(fd, bytes, size, -1);
}

int file_lock_soon(int fd)
{
	const struct timespec delay = { .tv_nsec = 10000000 };

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		nanosleep(&delay, NULL);
	}
	return -EBUSY;
}
