// SPDX-License-Identifier: GPL-2.0-or-later
// Sends the service's requests to its maker.
#ifndef NETSETUP_MAKER_MAKER_CALL_H
#define NETSETUP_MAKER_MAKER_CALL_H

#include "netsetup/maker/maker.h"

/**
 * maker_call() - have the maker execute a request, and wait for it.
 * @socket: to the maker.
 *
 * Return: as maker_execute(); -ECONNRESET if the maker has ended.
 */
int maker_call(int socket, const struct maker_request *request, uint32_t *ifindex,
	       int fds[MAKER_FDS_MAX], struct error *err);

/**
 * maker_call_begin() - have the maker execute a request, and do not wait for it. Its answer must
 * have no descriptors. The maker executes requests in their order, also after one that failed.
 *
 * Return: 0 or a negative errno.
 */
int maker_call_begin(int socket, const struct maker_request *request, struct error *err);

/* maker_call_due() - return the number of answers that maker_call_begin() has left to receive. */
unsigned int maker_call_due(void);

/**
 * maker_call_settle() - receive the answer to the first of them. Call it until none is due before
 * maker_call().
 *
 * Return: as maker_call().
 */
int maker_call_settle(int socket, struct error *err);

#endif
