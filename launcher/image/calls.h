// SPDX-License-Identifier: GPL-2.0-or-later
// Filters the system calls of this program (seccomp).
#ifndef LAUNCHER_IMAGE_CALLS_H
#define LAUNCHER_IMAGE_CALLS_H

#include <stdbool.h>

/* True in a build with the sanitizers, whose runtimes need more calls and reserve terabytes. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/**
 * calls_filter() - allow only what downloading, reading and writing files needs.
 *
 * Threat: untrusted bytes take this process over. It then starts no program, makes no namespace,
 * sends no signal to another process and connects to no local socket: ssh-agent's, the session
 * bus's. Any other call fails as if the kernel lacked it. Test: test_taken_over() of
 * tests/lab/guests/test_images.py.
 *
 * Return: 0 or a negative errno.
 */
int calls_filter(void);

/* calls_filter_unpack() - allow only reading, writing and allocating; any other call is fatal. */
int calls_filter_unpack(void);

#endif
