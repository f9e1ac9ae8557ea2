// SPDX-License-Identifier: GPL-2.0-or-later
// Sends the service's requests to its maker.
#include "netsetup/maker/maker_call.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "netsetup/base/fd_pass.h"
#include "netsetup/maker/maker_record.h"

/* Of the service, which has one maker. */
static unsigned int due;

unsigned int maker_call_due(void)
{
	return due;
}

static int send_request(int socket, const struct maker_request *request, struct error *err)
{
	const bool owner = request->type > MAKER_TABLE_OPEN && request->type <= MAKER_TABLE_DUMP;
	const int ret = fd_pass_send(socket, request, sizeof(*request), &request->owner,
				     owner ? 1 : 0, 0);

	return ret < 0 ? error_set_errno(err, -ret, "cannot send a request to the maker") : 0;
}

static int receive_answer(int socket, uint32_t *ifindex, int fds[MAKER_FDS_MAX], struct error *err)
{
	struct maker_answer answer;
	ssize_t size;

	size = maker_record_receive(socket, &answer, sizeof(answer), fds);
	if (size < 0)
		return error_set_errno(err, errno, "cannot receive from the maker");
	if (size != sizeof(answer))
		return error_set_errno(err, ECONNRESET, "the maker has ended");
	*ifindex = answer.ifindex;
	if (answer.code)
		*err = answer.error;
	return -answer.code;
}

int maker_call_begin(int socket, const struct maker_request *request, struct error *err)
{
	const int ret = send_request(socket, request, err);

	due += ret == 0;
	return ret;
}

int maker_call_settle(int socket, struct error *err)
{
	int fds[MAKER_FDS_MAX];
	uint32_t ifindex;
	int ret;

	assert(due > 0);
	due--;
	ret = receive_answer(socket, &ifindex, fds, err);
	maker_record_close(fds);
	return ret;
}

int maker_call(int socket, const struct maker_request *request, uint32_t *ifindex,
	       int fds[MAKER_FDS_MAX], struct error *err)
{
	int ret;

	assert(due == 0);
	memset(fds, -1, sizeof(int) * MAKER_FDS_MAX);
	ret = send_request(socket, request, err);
	return ret < 0 ? ret : receive_answer(socket, ifindex, fds, err);
}
