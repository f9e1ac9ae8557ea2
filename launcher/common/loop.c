// SPDX-License-Identifier: GPL-2.0-or-later
// Runs an event loop: one epoll set, one function for each descriptor.
#include "launcher/common/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/epoll.h>

#include "netsetup/base/cleanup.h"

/*
 * A function may remove a descriptor whose event epoll_wait(2) has returned, and add another in the
 * same entry. So dispatch() drops an event whose serial number differs from the entry's.
 */
struct watch {
	int fd;
	uint32_t serial;
	loop_fn *fn;
	void *context;
};

struct loop {
	int epoll;
	uint32_t serial;
	bool stopped;
	struct watch watches[LOOP_MAX];
};

struct loop *loop_new(struct error *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop) {
		error_set_errno(err, ENOMEM, "cannot make an event loop");
		return NULL;
	}
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		error_set_errno(err, errno, "cannot make an event loop");
		free(loop);
		return NULL;
	}
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	close(loop->epoll);
	free(loop);
}

static struct watch *find(struct loop *loop, int fd)
{
	size_t i;

	for (i = 0; i < LOOP_MAX; i++)
		if (loop->watches[i].fn && loop->watches[i].fd == fd)
			return &loop->watches[i];
	return NULL;
}

static struct watch *find_free(struct loop *loop)
{
	size_t i;

	for (i = 0; i < LOOP_MAX; i++)
		if (!loop->watches[i].fn)
			return &loop->watches[i];
	return NULL;
}

int loop_add(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *context,
	     struct error *err)
{
	struct epoll_event event = { .events = events };
	struct watch *watch = find_free(loop);

	assert(fn && !find(loop, fd));

	if (!watch)
		return error_set_errno(err, ENOSPC, "cannot watch descriptor %d", fd);
	event.data.u64 = (uint64_t)++loop->serial << 32 | (uint64_t)(watch - loop->watches);
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return error_set_errno(err, errno, "cannot watch descriptor %d", fd);

	*watch = (struct watch){ fd, loop->serial, fn, context };
	return 0;
}

void loop_remove(struct loop *loop, int fd)
{
	struct watch *watch = find(loop, fd);

	if (!watch)
		return;
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
	watch->fn = NULL;
}

static void dispatch(struct loop *loop, const struct epoll_event *event)
{
	const struct watch *watch = &loop->watches[event->data.u64 & UINT32_MAX];

	if (watch->fn && watch->serial == event->data.u64 >> 32)
		watch->fn(watch->fd, event->events, watch->context);
}

int loop_run(struct loop *loop, struct error *err)
{
	struct epoll_event events[LOOP_MAX];
	int count;
	int i;

	loop->stopped = false;
	while (!loop->stopped) {
		count = epoll_wait(loop->epoll, events, LOOP_MAX, -1);
		if (count < 0 && errno != EINTR)
			return error_set_errno(err, errno, "cannot wait for events");
		for (i = 0; i < count; i++)
			dispatch(loop, &events[i]);
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
