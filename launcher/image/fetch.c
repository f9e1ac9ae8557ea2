// SPDX-License-Identifier: GPL-2.0-or-later
// An image from the first of its mirrors that has it, into the cache.
#include "launcher/image/fetch.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "launcher/image/download.h"
#include "launcher/image/progress.h"
#include "launcher/image/store.h"

/* Attempts in a row that bring nothing, and beginnings anew, before a mirror is given up. */
#define VAIN_MAX    3
#define RESTART_MAX 3

static void say_wait(void)
{
	progress_say("another vmrun is fetching this image: waiting for it");
}

/* Before another attempt: at once after one that got further, then longer and longer. */
static void pause_after(unsigned int vain)
{
	const struct timespec time = { .tv_sec = (time_t)vain / 2,
				       .tv_nsec = vain % 2 * 500000000 };

	nanosleep(&time, NULL);
}

/* All has come, and it has another digest. */
static int refuse_digest(const char *url, const struct store *store, struct error *err)
{
	if (store_is_page(store)) {
		error_setf(err, STATUS_FAILURE, EPROTO,
			   "cannot fetch '%s': it is a web page, not an image", url);
		error_remedy(err, "does this network want a login in a browser first? Else correct "
				  "the URL");
		return -EPROTO;
	}
	error_setf(err, STATUS_FAILURE, EILSEQ,
		   "cannot use '%s': what came has another digest than the definition says", url);
	error_remedy(err, "if the publisher has replaced the image, take URL and digest anew from "
			  "there; else somebody else has");
	return -EILSEQ;
}

/*
 * Verifies what came. When a part of it is of an earlier run, or of another mirror, that part may
 * be what is wrong: -EAGAIN, and nothing of it is left.
 */
static int finish(const char *url, struct store *store, char name[DIGEST_NAME_SIZE],
		  struct error *err)
{
	const bool patched = store->found > 0;
	int ret;

	if (!store->wanted[0] && store_is_page(store))
		ret = -EILSEQ;
	else
		ret = store_finish(store, name, err);
	if (ret != -EILSEQ)
		return ret;
	ret = refuse_digest(url, store, err);
	if (store_restart(store, err) < 0)
		return -err->code;
	return patched ? -EAGAIN : ret;
}

/* Leaves in the store what is good of it for another mirror. */
static int try_mirror(const char *url, struct store *store, char name[DIGEST_NAME_SIZE],
		      struct error *err)
{
	unsigned int restarts = 0;
	unsigned int vain = 0;
	bool came = false;
	int ret;

	/* What is there already is another's: see finish(). */
	store->found = store->size;
	for (;;) {
		const uint64_t before = store->size;

		ret = store_is_wanted(store) ? 0 : download(url, store, err);
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
		came = came || store->size > before;
		vain = store->size > before ? 0 : vain + 1;
		if (ret != -EAGAIN || vain == VAIN_MAX || (!came && err->code == ECONNREFUSED))
			return ret == -EAGAIN ? -EIO : ret;
		pause_after(vain);
	}
}

/* What is wrong with the user's own side is the same with every mirror. */
static bool is_final(int code)
{
	return code == ENOSPC || code == EDQUOT || code == ENOMEM || code == EROFS ||
	       code == EACCES || code == EBADMSG;
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
		ret = try_mirror(fetch->urls[i], store, name, err);
		progress_end();
		if (ret == 0)
			progress_finished(store->size);
		if (ret == 0 || is_final(-ret) || fetch->url_count == 1)
			break;
		error_remedy(&all, "%s", err->message);
		if (i + 1 < fetch->url_count)
			progress_say(err->message);
		else
			*err = all;
	}
	if (ret < 0 && store->size && !is_final(-ret))
		error_remedy(err,
			     "what has come so far is kept: the next start goes on from there");
	return ret;
}

int fetch_image(const struct fetch *fetch, char name[DIGEST_NAME_SIZE], struct error *err)
{
	struct store store = STORE_NONE;
	int ret;

	ret = store_open(&store, fetch->directory, fetch->wanted, fetch->urls[0],
			 fetch->quiet ? NULL : say_wait, err);
	if (ret == 1) {
		memcpy(name, fetch->wanted, strlen(fetch->wanted) + 1);
		ret = 0;
	} else if (ret == 0) {
		ret = try_mirrors(fetch, &store, name, err);
	}
	store_done(&store);
	return ret;
}
