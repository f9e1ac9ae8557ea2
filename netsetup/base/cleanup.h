// SPDX-License-Identifier: GPL-2.0-or-later
// Releases descriptors, memory and streams at the end of a scope.
#ifndef NETSETUP_BASE_CLEANUP_H
#define NETSETUP_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_fd_done(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_free_done(void *memory)
{
	free(*(void **)memory);
}

static inline void cleanup_file_done(FILE **file)
{
	if (*file)
		fclose(*file);
}

/*
 * Each such variable must start as -1 or NULL: `cleanup_fd int fd = -1;`, `cleanup_free char *text
 * = NULL;`, `cleanup_file FILE *file = NULL;`. The end of a scope may change errno.
 */
#define cleanup_fd   __attribute__((cleanup(cleanup_fd_done)))
#define cleanup_free __attribute__((cleanup(cleanup_free_done)))
#define cleanup_file __attribute__((cleanup(cleanup_file_done)))

/**
 * take_fd() - return a descriptor that its scope must not close.
 * @fd: a cleanup_fd variable; set to -1.
 *
 * Return: the descriptor.
 */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* take_ptr() - the same for a pointer variable. */
#define take_ptr(pointer)                                   \
	({                                                  \
		__typeof__(*(pointer)) taken_ = *(pointer); \
		*(pointer) = NULL;                          \
		taken_;                                     \
	})

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
