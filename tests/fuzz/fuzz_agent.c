// SPDX-License-Identifier: GPL-2.0-or-later
// Feeds bytes of a guest's agent; the first says if a conversation has begun.
#include <ctype.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/guest/guest_agent.h"
#include "netsetup/base/cleanup.h"
#include "tests/fuzz/fuzz.h"

#define ROUNDS_MS 1000

/* The conversation's number is then 0x01010101, which a guest that is asked for it knows, too. */
ssize_t getrandom(void *bytes, size_t size, unsigned int flags)
{
	memset(bytes, 1, size);
	return (ssize_t)size;
}

static void say(int fd, const void *bytes, size_t size)
{
	must(send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size);
}

static void check_text(const char *text)
{
	for (; *text; text++)
		must(!iscntrl((unsigned char)*text));
}

/* Whatever is told of the guest can be shown on a terminal. */
static void check(struct json_object *value)
{
	if (json_object_is_type(value, json_type_string)) {
		check_text(json_object_get_string(value));
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			check(json_object_array_get_idx(value, i));
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, key, member)
		{
			check_text(key);
			check(member);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char synchronized[] = "\xff{\"return\": 16843009}\n";
	struct json_object *facts = NULL;
	struct error err;
	int sockets[2];

	if (size == 0)
		return 0;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
	if (data[0] & 1)
		say(sockets[1], synchronized, strlen(synchronized));
	say(sockets[1], data + 1, size - 1);
	shutdown(sockets[1], SHUT_WR);
	must((guest_agent_facts(sockets[0], ROUNDS_MS, &facts, &err) == 0) == !!facts);
	check(facts);
	json_object_put(facts);
	close(sockets[0]);
	close(sockets[1]);
	return 0;
}
