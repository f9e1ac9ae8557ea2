// SPDX-License-Identifier: GPL-2.0-or-later
// Computes the digest of a file.
#include "launcher/image/digest_file.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "launcher/image/progress.h"
#include "netsetup/base/cleanup.h"

#define BLOCK ((size_t)1 << 20)

static int read_all(int fd, const char *path, struct digest *digest, struct error *err)
{
	cleanup_free char *block = malloc(BLOCK);
	const off_t total = lseek(fd, 0, SEEK_END);
	uint64_t done = 0;
	ssize_t got;

	if (total < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_set_errno(err, errno, "cannot read '%s'", path);
	while (block) {
		got = read(fd, block, BLOCK);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(err, errno, "cannot read '%s'", path);
		if (got == 0)
			return 0;
		if (!digest_add(digest, block, (size_t)got))
			break;
		done += (uint64_t)got;
		progress_show(done, (uint64_t)total);
	}
	return error_set_errno(err, ENOMEM, "cannot read '%s'", path);
}

int digest_file(int fd, const char *path, bool quiet, struct digest *digest, struct error *err)
{
	int ret;

	progress_begin_file(path, quiet);
	ret = read_all(fd, path, digest, err);
	progress_end();
	return ret;
}
