// SPDX-License-Identifier: GPL-2.0-or-later
// Finds out if a guest sends from an address that is not its own.
#include "netsetup/worker/stranger.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/source_socket.h"

static const struct in_addr nothing = { INADDR_ANY };

/* Begins anew, for the present address. */
static void begin(struct stranger *stranger, uint64_t now)
{
	struct error ignored;

	stranger->listening = false;
	if (stranger->socket < 0)
		return;
	source_socket_listen(stranger->socket, nothing, &ignored);
	stranger->listen_at = ipv4_unset(stranger->address) ? UINT64_MAX : now + STRANGER_SETTLE_MS;
}

void stranger_open(struct stranger *stranger, int socket, uint64_t now)
{
	stranger_close(stranger);
	stranger->socket = socket;
	begin(stranger, now);
}

void stranger_close(struct stranger *stranger)
{
	if (stranger->socket >= 0)
		close(stranger->socket);
	stranger->socket = -1;
	stranger->listen_at = UINT64_MAX;
	stranger->listening = false;
}

void stranger_expect(struct stranger *stranger, struct in_addr address, uint64_t now)
{
	if (ipv4_equal(stranger->address, address))
		return;
	stranger->address = address;
	begin(stranger, now);
}

void stranger_step(struct stranger *stranger, uint64_t now)
{
	struct error ignored;

	if (now < stranger->listen_at)
		return;
	stranger->listen_at = UINT64_MAX;
	stranger->listening = source_socket_listen(stranger->socket, stranger->address, &ignored) ==
			      0;
}

bool stranger_receive(struct stranger *stranger, struct in_addr *sender, struct ether_addr *mac)
{
	unsigned char frame[SOURCE_SOCKET_SIZE];
	struct error ignored;
	const ssize_t size = recv(stranger->socket, frame, sizeof(frame), MSG_DONTWAIT);

	if (size < 0 && errno != EAGAIN && errno != EINTR && errno != ENETDOWN)
		stranger_close(stranger);
	if (size != (ssize_t)sizeof(frame))
		return false;
	*sender = source_socket_sender(frame);
	memcpy(mac, frame + ETH_ALEN, sizeof(*mac));
	/* One that waited has passed an earlier filter. */
	if (!stranger->listening || ipv4_equal(*sender, stranger->address))
		return false;
	stranger->listening = false;
	source_socket_listen(stranger->socket, nothing, &ignored);
	return true;
}
