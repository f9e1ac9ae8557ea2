// SPDX-License-Identifier: GPL-2.0-or-later
// Fetches an image into the cache from the first mirror that has it.
#include "launcher/image/fetch.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "launcher/image/progress.h"
#include "launcher/image/store.h"
#include "launcher/image/unpack.h"

/* Limits for a mirror: attempts in a row without progress, and restarts from the first byte. */
#define FAILURES_MAX 3
#define RESTART_MAX  3

static void print_wait(void)
{
	progress_print("another vmrun is fetching this image: waiting for it");
}

/* Waits before a retry: half a second for each attempt in a row without progress. */
static void wait_after(unsigned int failures)
{
	const struct timespec time = { .tv_sec = (time_t)failures / 2,
				       .tv_nsec = failures % 2 * 500000000 };

	nanosleep(&time, NULL);
}

/* Fills the error for a complete download whose digest differs; @name: the digest that it has. */
static int refuse_digest(const char *url, const struct store *store, const char *name,
			 struct error *err)
{
	if (store_is_page(store)) {
		error_setf(err, STATUS_FAILURE, EPROTO,
			   "cannot fetch '%s': it is a web page, not an image", url);
		error_remedy(err, "log in to this network in a browser if it needs that, or "
				  "correct the URL");
		return -EPROTO;
	}
	error_setf(err, STATUS_FAILURE, EILSEQ,
		   "cannot use '%s': it has another digest than the definition says", url);
	error_remedy(err, "what came has %.6s: %s", name, name + strlen("sha256-"));
	error_remedy(err, "if the publisher has replaced the image, copy its new URL and digest; "
			  "if not, do not use it: somebody else has replaced it");
	return -EILSEQ;
}

/*
 * Verifies the download. If its digest differs, empties the store, and returns -EAGAIN if a part
 * came from an earlier run or another mirror, which may be the wrong part.
 */
static int finish(const char *url, struct store *store, char name[DIGEST_NAME_SIZE],
		  struct error *err)
{
	const bool resumed = store->found > 0;
	int ret;

	if (!store->wanted[0] && store_is_page(store))
		ret = -EILSEQ;
	else
		ret = store_finish(store, name, err);
	if (ret != -EILSEQ)
		return ret;
	ret = refuse_digest(url, store, name, err);
	if (store_restart(store, err) < 0)
		return -err->code;
	return resumed ? -EAGAIN : ret;
}

/* Leaves the bytes that another mirror can continue from in the store. */
static int try_mirror(const char *url, const struct download_ports *ports, struct store *store,
		      char name[DIGEST_NAME_SIZE], struct error *err)
{
	unsigned int restarts = 0;
	unsigned int failures = 0;
	bool received = false;
	int ret;

	/* These bytes came from an earlier run or another mirror, see finish(). */
	store->found = store->size;
	for (;;) {
		const uint64_t before = store->size;

		ret = store_is_wanted(store) ? 0 : download(url, ports, store, err);
		if (ret == 0) {
			ret = finish(url, store, name, err);
			if (ret != -EAGAIN)
				return ret;
			continue;
		}
		if (ret == -ESTALE) {
			if (before == 0 || ++restarts == RESTART_MAX)
				return -EIO;
			if (store_restart(store, err) < 0)
				return -err->code;
			continue;
		}
		received = received || store->size > before;
		failures = store->size > before ? 0 : failures + 1;
		if (ret != -EAGAIN || failures == FAILURES_MAX ||
		    (!received && err->code == ECONNREFUSED))
			return ret == -EAGAIN ? -EIO : ret;
		wait_after(failures);
	}
}

/* True for errors of this host or the image itself, which occur with every mirror. */
static bool is_final(int code)
{
	return code == ENOSPC || code == EDQUOT || code == ENOMEM || code == EROFS ||
	       code == EACCES || unpack_blames_image(code);
}

static int try_mirrors(const struct fetch *fetch, struct store *store, char name[DIGEST_NAME_SIZE],
		       struct error *err)
{
	struct error all = { 0 };
	int ret = -EINVAL;

	error_setf(&all, STATUS_FAILURE, EIO, "cannot fetch the image from any of its %zu mirrors",
		   fetch->url_count);
	for (size_t i = 0; i < fetch->url_count; i++) {
		progress_begin(fetch->urls[i], fetch->quiet);
		ret = try_mirror(fetch->urls[i], &fetch->ports, store, name, err);
		progress_end();
		if (ret == 0)
			progress_finished(store->size);
		if (ret == 0 || is_final(-ret) || fetch->url_count == 1)
			break;
		error_remedy(&all, "%s", err->message);
		if (i + 1 < fetch->url_count)
			progress_print(err->message);
		else
			*err = all;
	}
	if (ret < 0 && store->size && !is_final(-ret))
		error_remedy(err,
			     "start vmrun again to continue the download from the cached part");
	return ret;
}

int fetch_image(const struct fetch *fetch, char name[DIGEST_NAME_SIZE], struct error *err)
{
	struct store store = STORE_NONE;
	int ret;

	ret = store_open(&store, fetch->directory, fetch->wanted, fetch->urls[0],
			 fetch->quiet ? NULL : print_wait, err);
	if (ret == 1) {
		memcpy(name, fetch->wanted, strlen(fetch->wanted) + 1);
		ret = 0;
	} else if (ret == 0) {
		ret = try_mirrors(fetch, &store, name, err);
	}
	store_done(&store);
	return ret;
}
