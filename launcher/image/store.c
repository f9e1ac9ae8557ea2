// SPDX-License-Identifier: GPL-2.0-or-later
// Stores an image in the cache: appends, verifies, unpacks and publishes it.
#include "launcher/image/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "launcher/common/file.h"
#include "launcher/formats/magic.h"
#include "launcher/image/unpack.h"
#include "netsetup/base/cleanup.h"

#define BUFFER_SIZE (256 * 1024)

/* The name of a file in the cache, with its suffix. */
#define FILE_NAME_SIZE (DIGEST_NAME_SIZE + 16)

static const char *file_name(const struct store *store, const char *suffix,
			     char name[FILE_NAME_SIZE])
{
	snprintf(name, FILE_NAME_SIZE, "%s%s", store->key, suffix);
	return name;
}

static int fail(const struct store *store, const char *suffix, int code, struct error *err)
{
	char name[FILE_NAME_SIZE];

	error_set_errno(err, code, "cannot store '%s' in the cache",
			file_name(store, suffix, name));
	if (code == ENOSPC || code == EDQUOT)
		error_remedy(err, "make room, or set XDG_CACHE_HOME to a directory that has it; "
				  "the next start continues the download");
	return -code;
}

static int no_memory(struct error *err)
{
	return error_set_errno(err, ENOMEM, "cannot make a digest");
}

/* Makes NAME of the URL if the digest is unknown. */
static int set_key(struct store *store, const char *wanted, const char *url)
{
	struct digest *digest;
	char name[DIGEST_NAME_SIZE];
	bool done;

	if (wanted[0]) {
		snprintf(store->key, sizeof(store->key), "%s", wanted);
		return 0;
	}
	digest = digest_new(false);
	done = digest && digest_add(digest, url, strlen(url)) && digest_name(digest, name);
	digest_free(digest);
	if (!done)
		return -ENOMEM;
	snprintf(store->key, sizeof(store->key), "url-%s", name + strlen("sha256-"));
	return 0;
}

/* True if the name still refers to the locked file. */
static bool is_current(const struct store *store, int fd, const char *name)
{
	struct stat own, named;

	return !fstat(fd, &own) && !fstatat(store->directory, name, &named, AT_SYMLINK_NOFOLLOW) &&
	       own.st_dev == named.st_dev && own.st_ino == named.st_ino;
}

/* Opens and locks the part; -EAGAIN if another process has published or removed it meanwhile. */
static int lock_part(struct store *store, void (*on_wait)(void), struct error *err)
{
	char name[FILE_NAME_SIZE];
	cleanup_fd int fd = -1;

	fd = openat(store->directory, file_name(store, ".part", name),
		    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return fail(store, ".part", errno, err);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK && on_wait)
			on_wait();
		while (flock(fd, LOCK_EX) < 0)
			if (errno != EINTR)
				return fail(store, ".part", errno, err);
	}
	if (!is_current(store, fd, name))
		return -EAGAIN;
	store->part = take_fd(&fd);
	return 0;
}

static bool image_exists(const struct store *store)
{
	struct stat st;

	return store->wanted[0] &&
	       !fstatat(store->directory, store->wanted, &st, AT_SYMLINK_NOFOLLOW) &&
	       S_ISREG(st.st_mode);
}

static void remove_file(const struct store *store, const char *suffix)
{
	char name[FILE_NAME_SIZE];

	unlinkat(store->directory, file_name(store, suffix, name), 0);
}

/* Adds the bytes of an earlier run to the digest. */
static int digest_part(struct store *store, uint64_t end, struct error *err)
{
	cleanup_free char *buffer = malloc(BUFFER_SIZE);
	uint64_t at = 0;

	if (!buffer)
		return no_memory(err);
	while (at < end) {
		size_t most = end - at < BUFFER_SIZE ? (size_t)(end - at) : BUFFER_SIZE;
		ssize_t got = pread(store->part, buffer, most, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return fail(store, ".part", got < 0 ? errno : EIO, err);
		if (!digest_add(store->digest, buffer, (size_t)got))
			return no_memory(err);
		at += (uint64_t)got;
	}
	return 0;
}

static int load_part(struct store *store, struct error *err)
{
	struct stat st;
	int ret;

	if (fstat(store->part, &st))
		return fail(store, ".part", errno, err);
	ret = digest_part(store, (uint64_t)st.st_size, err);
	if (!ret)
		store->size = store->found = (uint64_t)st.st_size;
	return ret;
}

int store_open(struct store *store, int directory, const char *wanted, const char *url,
	       void (*on_wait)(void), struct error *err)
{
	int ret;

	store->directory = directory;
	store->wanted = wanted;
	store->digest = digest_new(!strncmp(wanted, "sha512-", strlen("sha512-")));
	if (!store->digest || set_key(store, wanted, url) < 0)
		return no_memory(err);
	do {
		if (image_exists(store))
			return 1;
		ret = lock_part(store, on_wait, err);
	} while (ret == -EAGAIN);
	if (ret)
		return ret;
	/* Another process may have stored the image between the check and the lock. */
	if (image_exists(store)) {
		remove_file(store, ".part");
		return 1;
	}
	return load_part(store, err);
}

int store_add(struct store *store, const void *bytes, size_t size, struct error *err)
{
	int code = -file_write_at(store->part, bytes, size, (off_t)store->size);

	if (code) {
		/* Undo a partial write: its bytes are not in the digest. */
		if (ftruncate(store->part, (off_t)store->size))
			code = errno;
		return fail(store, ".part", code, err);
	}
	if (!digest_add(store->digest, bytes, size))
		return no_memory(err);
	store->size += size;
	return 0;
}

int store_restart(struct store *store, struct error *err)
{
	store->size = store->found = 0;
	if (ftruncate(store->part, 0))
		return fail(store, ".part", errno, err);
	return digest_reset(store->digest) ? 0 : no_memory(err);
}

bool store_is_wanted(const struct store *store)
{
	char name[DIGEST_NAME_SIZE];

	return store->wanted[0] && digest_name(store->digest, name) && !strcmp(name, store->wanted);
}

bool store_is_page(const struct store *store)
{
	char start[MAGIC_SIZE];
	const ssize_t got = pread(store->part, start, sizeof(start), 0);

	return got > 0 && magic_page(start, (size_t)got);
}

/* Renames after fsync(2), so that even a power cut leaves no partial image under the name. */
static int publish(struct store *store, int fd, const char *suffix, const char *final,
		   struct error *err)
{
	char name[FILE_NAME_SIZE];

	if (fchmod(fd, 0444) || fsync(fd) ||
	    renameat(store->directory, file_name(store, suffix, name), store->directory, final))
		return fail(store, suffix, errno, err);
	fsync(store->directory);
	return 0;
}

/* Unpacks the part, whose digest is right, and publishes what comes out of it. */
static int publish_unpacked(struct store *store, const char *final, struct error *err)
{
	char name[FILE_NAME_SIZE];
	cleanup_fd int input = openat(store->directory, file_name(store, ".part", name),
				      O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	cleanup_fd int output = -1;
	int ret;

	if (input < 0)
		return fail(store, ".part", errno, err);
	remove_file(store, ".unpacked");
	output = openat(store->directory, file_name(store, ".unpacked", name),
			O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (output < 0)
		return fail(store, ".unpacked", errno, err);
	ret = unpack(input, store->size, output, store->wanted[0], err);
	if (ret == -ENOSPC || ret == -EDQUOT)
		fail(store, ".unpacked", -ret, err);
	if (!ret)
		ret = publish(store, output, ".unpacked", final, err);
	if (ret)
		remove_file(store, ".unpacked");
	return ret;
}

static bool is_packed(const struct store *store)
{
	char start[MAGIC_SIZE];
	const ssize_t got = pread(store->part, start, sizeof(start), 0);
	const struct magic *magic = got > 0 ? magic_find(start, (size_t)got, NULL, 0) : NULL;

	return magic && magic->unpacks;
}

int store_finish(struct store *store, char name[DIGEST_NAME_SIZE], struct error *err)
{
	int ret;

	if (!digest_name(store->digest, name))
		return no_memory(err);
	if (store->wanted[0] && strcmp(name, store->wanted) != 0)
		return -EILSEQ;
	if (!is_packed(store))
		return publish(store, store->part, ".part", name, err);
	ret = publish_unpacked(store, name, err);
	/* The digest is right, so another run would get the same bytes. */
	if (!ret || unpack_blames_image(-ret))
		remove_file(store, ".part");
	return ret;
}

void store_done(struct store *store)
{
	cleanup_fd_done(&store->part);
	store->part = -1;
	digest_free(store->digest);
	store->digest = NULL;
}
