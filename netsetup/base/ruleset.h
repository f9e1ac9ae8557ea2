// SPDX-License-Identifier: GPL-2.0-or-later
// Builds a Landlock ruleset: the files and sockets that a process may use.
#ifndef NETSETUP_BASE_RULESET_H
#define NETSETUP_BASE_RULESET_H

#include <stdbool.h>
#include <stdint.h>

#include "netsetup/base/error.h"

/*
 * Rights to a file, or to all files beneath a directory, with the kernel's values
 * (Documentation/userspace-api/landlock.rst). linux/landlock.h of the build machine may be older
 * than the kernel that the program runs on. Landlock does not restrict stat(), readlink(),
 * access(), chmod() and open() with O_PATH.
 */
#define RULESET_EXECUTE      (UINT64_C(1) << 0)
#define RULESET_WRITE_FILE   (UINT64_C(1) << 1)
#define RULESET_READ_FILE    (UINT64_C(1) << 2)
#define RULESET_READ_DIR     (UINT64_C(1) << 3)
#define RULESET_REMOVE_DIR   (UINT64_C(1) << 4)
#define RULESET_REMOVE_FILE  (UINT64_C(1) << 5)
#define RULESET_MAKE_CHAR    (UINT64_C(1) << 6)
#define RULESET_MAKE_DIR     (UINT64_C(1) << 7)
#define RULESET_MAKE_REG     (UINT64_C(1) << 8)
#define RULESET_MAKE_SOCK    (UINT64_C(1) << 9)
#define RULESET_MAKE_BLOCK   (UINT64_C(1) << 11)
#define RULESET_TRUNCATE     (UINT64_C(1) << 14)
#define RULESET_IOCTL_DEV    (UINT64_C(1) << 15)
#define RULESET_RESOLVE_UNIX (UINT64_C(1) << 16)

#define RULESET_READ  (RULESET_READ_FILE | RULESET_READ_DIR)
#define RULESET_WRITE (RULESET_READ_FILE | RULESET_WRITE_FILE | RULESET_TRUNCATE)

/* To all files beneath a directory, but not to run a program or to make a device. */
#define RULESET_CHANGE \
	(((UINT64_C(1) << 17) - 1) & ~(RULESET_EXECUTE | RULESET_MAKE_CHAR | RULESET_MAKE_BLOCK))

/**
 * struct ruleset_denied - the uses that need a rule.
 * @files: use files.
 * @tcp: bind or connect a TCP socket.
 * @abstract: connect to an abstract socket of a process that is not confined by this ruleset.
 * @signals: send a signal to such a process.
 */
struct ruleset_denied {
	bool files;
	bool tcp;
	bool abstract;
	bool signals;
};

/**
 * struct ruleset - an open ruleset.
 * @fd: -1 if the kernel has no Landlock; each function then succeeds and does nothing.
 * @files: the rights to files that this kernel can deny.
 * @tcp: true if it denies TCP.
 */
struct ruleset {
	int fd;
	uint64_t files;
	bool tcp;
};

#define RULESET_NONE      \
	{                 \
		.fd = -1, \
	}

/* The first version that denies signals and abstract sockets. */
#define RULESET_VERSION_SIGNALS 6

/* ruleset_version() - return the version of the kernel's Landlock, or 0 if it has none. */
unsigned int ruleset_version(void);

/**
 * ruleset_new() - make a ruleset without rules. What an older kernel cannot deny stays allowed.
 * @ruleset: end it with ruleset_done().
 *
 * Return: 0 or a negative errno.
 */
int ruleset_new(const struct ruleset_denied *denied, struct ruleset *ruleset, struct error *err);

/**
 * ruleset_allow() - allow a file, or all beneath a directory. Async-signal-safe.
 * @fd: may be open with O_PATH.
 * @rights: those that do not apply to a file that is no directory are left out.
 *
 * Return: 0 or a negative errno.
 */
int ruleset_allow(const struct ruleset *ruleset, int fd, uint64_t rights);

/**
 * ruleset_allow_path() - allow a file by its path.
 *
 * Return: 0 or a negative errno. A path that is missing or that the user cannot reach gets no rule
 *         and is no error.
 */
int ruleset_allow_path(const struct ruleset *ruleset, const char *path, uint64_t rights,
		       struct error *err);

/**
 * ruleset_allow_port() - allow to connect to a TCP port. Async-signal-safe.
 *
 * Return: 0 or a negative errno.
 */
int ruleset_allow_port(const struct ruleset *ruleset, uint16_t port);

/**
 * ruleset_enter() - confine this process and its future children. Async-signal-safe. Must be called
 * with no_new_privs set.
 *
 * Return: 0 or a negative errno.
 */
int ruleset_enter(const struct ruleset *ruleset);

void ruleset_done(struct ruleset *ruleset);

#endif
