// SPDX-License-Identifier: GPL-2.0-or-later
// The event loop: one epoll set, a function for each descriptor; nothing polls.
#ifndef LAUNCHER_COMMON_LOOP_H
#define LAUNCHER_COMMON_LOOP_H

#include <stdint.h>

#include "netsetup/base/error.h"

struct loop;

/**
 * loop_fn - called when a descriptor is ready.
 * @fd: the descriptor.
 * @events: EPOLL* bits.
 * @context: as given to loop_add().
 *
 * It may add and remove any descriptor, its own too.
 */
typedef void loop_fn(int fd, uint32_t events, void *context);

/* How many descriptors a loop can watch. */
#define LOOP_MAX 64

/**
 * loop_new() - make a loop that watches nothing.
 * @err: the error.
 *
 * Return: the loop, or NULL.
 */
struct loop *loop_new(struct error *err);

/* loop_free() - legal for NULL; the descriptors that were added stay open. */
void loop_free(struct loop *loop);

/**
 * loop_add() - watch a descriptor.
 * @loop: the loop.
 * @fd: not yet watched; remove it before it is closed.
 * @events: EPOLLIN and so on, level-triggered; EPOLLHUP and EPOLLERR always come.
 * @fn: called when it is ready.
 * @context: passed to @fn.
 * @err: ENOSPC when LOOP_MAX are watched.
 *
 * Return: 0 or a negative errno.
 */
int loop_add(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *context,
	     struct error *err);

/* loop_remove() - watch it no more; legal when it is not watched. */
void loop_remove(struct loop *loop, int fd);

/**
 * loop_run() - wait for events and call their functions until loop_stop().
 * @loop: the loop.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int loop_run(struct loop *loop, struct error *err);

/* loop_stop() - let loop_run() return after the functions of the present events. */
void loop_stop(struct loop *loop);

#endif
