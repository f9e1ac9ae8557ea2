// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the log of a VM to two files of bounded size.
#include "launcher/run/log_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "netsetup/base/cleanup.h"

/**
 * struct log_ring - a log.
 * @path, @old_path: "log" and "log.1".
 * @fd: "log".
 * @size: bytes in "log".
 */
struct log_ring {
	char *path;
	char *old_path;
	int fd;
	size_t size;
};

static int open_file(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int open_in(struct log_ring *ring, const char *directory, struct error *err)
{
	ring->path = text_format("%s/" LOG_RING_FILE, directory);
	ring->old_path = text_format("%s/" LOG_RING_OLD_FILE, directory);
	if (!ring->path || !ring->old_path)
		return error_set_errno(err, ENOMEM, "cannot open the log");
	unlink(ring->old_path);
	ring->fd = open_file(ring->path);
	return ring->fd < 0 ? error_set_errno(err, errno, "cannot open '%s'", ring->path) : 0;
}

struct log_ring *log_ring_open(const char *name, struct error *err)
{
	struct log_ring *ring = calloc(1, sizeof(*ring));
	cleanup_free char *directory = NULL;

	if (!ring) {
		error_set_errno(err, ENOMEM, "cannot open the log");
		return NULL;
	}
	ring->fd = -1;
	if (xdg_dir(XDG_STATE, name, &directory, err) == 0 && xdg_make(directory, err) == 0 &&
	    open_in(ring, directory, err) == 0)
		return ring;
	log_ring_close(ring);
	return NULL;
}

/* Starts a new "log". If that fails, the old one is emptied: the size stays bounded. */
static void rotate(struct log_ring *ring)
{
	const int fd = rename(ring->path, ring->old_path) == 0 ? open_file(ring->path) : -1;

	if (fd >= 0) {
		close(ring->fd);
		ring->fd = fd;
	} else if (ftruncate(ring->fd, 0) < 0) {
		return;
	}
	ring->size = 0;
}

void log_ring_write(struct log_ring *ring, const char *bytes, size_t size)
{
	ssize_t written;

	if (!ring)
		return;
	if (ring->size + size > LOG_RING_FILE_SIZE)
		rotate(ring);
	written = ring->size + size > LOG_RING_FILE_SIZE ? 0 : write(ring->fd, bytes, size);
	if (written > 0)
		ring->size += (size_t)written;
}

void log_ring_close(struct log_ring *ring)
{
	if (!ring)
		return;
	cleanup_fd_done(&ring->fd);
	free(ring->path);
	free(ring->old_path);
	free(ring);
}
