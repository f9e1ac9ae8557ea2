// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the log of a VM to two files of bounded size.
#ifndef LAUNCHER_RUN_LOG_RING_H
#define LAUNCHER_RUN_LOG_RING_H

#include <stddef.h>

#include "netsetup/base/error.h"

/* The files in the user's state directory of the VM. */
#define LOG_RING_FILE     "log"
#define LOG_RING_OLD_FILE "log.1"

/* Bytes after which "log" becomes "log.1": a guest that prints without end fills no disk. */
#define LOG_RING_FILE_SIZE (8 * 1024 * 1024)

struct log_ring;

/**
 * log_ring_open() - make an empty "log" for a VM and remove what its last run has logged.
 * @name: the VM's.
 *
 * Return: to be closed with log_ring_close(), or NULL.
 */
struct log_ring *log_ring_open(const char *name, struct error *err);

/* log_ring_write() - append bytes; those that cannot be written are lost. @ring may be NULL. */
void log_ring_write(struct log_ring *ring, const char *bytes, size_t size);

/* log_ring_close() - close the log; may be NULL. */
void log_ring_close(struct log_ring *ring);

#endif
