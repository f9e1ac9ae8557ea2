// SPDX-License-Identifier: GPL-2.0-or-later
// Runs an event loop: one epoll set, one function for each descriptor.
#ifndef LAUNCHER_COMMON_LOOP_H
#define LAUNCHER_COMMON_LOOP_H

#include <stdint.h>

#include "netsetup/base/error.h"

struct loop;

/**
 * loop_fn - handle a descriptor that is ready; may add and remove any descriptor, even @fd.
 * @events: EPOLL* bits.
 * @context: from loop_add().
 */
typedef void loop_fn(int fd, uint32_t events, void *context);

/* The most descriptors that a loop can watch. */
#define LOOP_MAX 96

/* loop_new() - make a loop without descriptors. Return: the loop, or NULL. */
struct loop *loop_new(struct error *err);

/* loop_free() - free a loop, which may be NULL; watched descriptors stay open. */
void loop_free(struct loop *loop);

/**
 * loop_add() - watch a descriptor.
 * @fd: must not be watched yet. Call loop_remove() before closing it.
 * @events: EPOLLIN and so on, level-triggered; EPOLLHUP and EPOLLERR are always included.
 * @fn: called when @fd is ready.
 * @context: passed to @fn.
 *
 * Return: 0; -ENOSPC if the loop watches LOOP_MAX descriptors; or another negative errno.
 */
int loop_add(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *context,
	     struct error *err);

/* loop_remove() - stop watching a descriptor; does nothing if it is not watched. */
void loop_remove(struct loop *loop, int fd);

/*
 * loop_run() - wait for events and call their functions until loop_stop().
 * Return: 0 or a negative errno.
 */
int loop_run(struct loop *loop, struct error *err);

/* loop_stop() - make loop_run() return when it has handled the events at hand. */
void loop_stop(struct loop *loop);

#endif
