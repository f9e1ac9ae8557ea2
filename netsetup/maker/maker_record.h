// SPDX-License-Identifier: GPL-2.0-or-later
// Passes records with descriptors between the service and its maker.
#ifndef NETSETUP_MAKER_MAKER_RECORD_H
#define NETSETUP_MAKER_MAKER_RECORD_H

#include <stddef.h>
#include <sys/types.h>

#include "netsetup/maker/maker.h"

/* maker_record_count() - count descriptors up to a -1; maker_record_close() - close them. */
size_t maker_record_count(const int fds[MAKER_FDS_MAX]);
void maker_record_close(const int fds[MAKER_FDS_MAX]);

/**
 * maker_record_receive() - receive one record.
 * @fds: those that came with it are the caller's, the others are -1.
 *
 * Return: its size; 0: end of file; -1 with errno. EPROTO: this process can have no more
 * descriptors, and received only some; they are closed.
 */
ssize_t maker_record_receive(int socket, void *record, size_t size, int fds[MAKER_FDS_MAX]);

#endif
