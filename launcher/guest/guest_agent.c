// SPDX-License-Identifier: GPL-2.0-or-later
// Queries the QEMU guest agent in a VM, which may be hostile.
#include "launcher/guest/guest_agent.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "launcher/common/json.h"
#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/clock.h"

/* Limits of an answer; the rest is cut. */
#define DEPTH_MAX      16
#define TEXT_MAX       128
#define INTERFACES_MAX 16
#define ADDRESSES_MAX  8

/* Precedes the answer to guest-sync-delimited; this byte never occurs in JSON. */
#define DELIMITER 0xff

/**
 * struct agent - a connection to the agent.
 * @fd: the caller's.
 * @deadline: end of the query, CLOCK_MONOTONIC in ms.
 * @received: number of bytes so far.
 * @bytes, @size: received bytes that are not parsed yet.
 */
struct agent {
	int fd;
	uint64_t deadline;
	size_t received;
	char bytes[GUEST_AGENT_LINE_MAX];
	size_t size;
};

static int wait_for(const struct agent *agent, short events, struct error *err)
{
	struct pollfd poller = { .fd = agent->fd, .events = events };
	uint64_t time = monotonic_ms();
	int ret = 0;

	if (time < agent->deadline)
		ret = poll(&poller, 1, (int)(agent->deadline - time));
	if (ret < 0 && errno != EINTR)
		return error_set_errno(err, errno, "cannot wait for the guest agent");
	if (ret == 0)
		return error_setf(err, STATUS_FAILURE, ETIMEDOUT,
				  "the guest agent does not answer");
	return 0;
}

static int send_bytes(const struct agent *agent, const char *text, size_t size, struct error *err)
{
	while (size > 0) {
		ssize_t put = send(agent->fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		int ret;

		if (put < 0 && errno != EAGAIN && errno != EINTR)
			return error_set_errno(err, errno, "cannot query the guest agent");
		if (put > 0) {
			text += put;
			size -= (size_t)put;
			continue;
		}
		ret = wait_for(agent, POLLOUT, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int receive(struct agent *agent, struct error *err)
{
	ssize_t got;
	int ret;

	if (agent->size == sizeof(agent->bytes) || agent->received >= GUEST_AGENT_MAX)
		return error_setf(err, STATUS_FAILURE, EMSGSIZE, "the guest agent sends too much");
	ret = wait_for(agent, POLLIN, err);
	if (ret < 0)
		return ret;
	got = recv(agent->fd, agent->bytes + agent->size, sizeof(agent->bytes) - agent->size,
		   MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got < 0)
		return error_set_errno(err, errno, "cannot read from the guest agent");
	if (got == 0)
		return error_setf(err, STATUS_FAILURE, ECONNRESET,
				  "the guest agent closed its connection");
	agent->size += (size_t)got;
	agent->received += (size_t)got;
	return 0;
}

static void discard(struct agent *agent, size_t size)
{
	agent->size -= size;
	memmove(agent->bytes, agent->bytes + size, agent->size);
}

/* Reads a line as JSON; *@value is NULL for an invalid line. -EMSGSIZE if it is too long. */
static int receive_line(struct agent *agent, struct json_object **value, struct error *err)
{
	struct json_tokener *tokener;
	char *end;
	int ret;

	while (!(end = memchr(agent->bytes, '\n', agent->size))) {
		ret = receive(agent, err);
		if (ret < 0)
			return ret;
	}
	tokener = json_tokener_new_ex(DEPTH_MAX);
	if (!tokener)
		return error_set_errno(err, ENOMEM, "cannot read from the guest agent");
	*end = '\0';
	/* The size includes the NUL, so that the parser completes a number at the end. */
	*value = json_tokener_parse_ex(tokener, agent->bytes, (int)(end - agent->bytes) + 1);
	json_tokener_free(tokener);
	discard(agent, (size_t)(end - agent->bytes) + 1);
	return 0;
}

/* Discards bytes up to and including the next delimiter. */
static int find_delimiter(struct agent *agent, struct error *err)
{
	char *found;
	int ret;

	while (!(found = memchr(agent->bytes, DELIMITER, agent->size))) {
		agent->size = 0;
		ret = receive(agent, err);
		if (ret < 0)
			return ret;
	}
	discard(agent, (size_t)(found - agent->bytes) + 1);
	return 0;
}

/*
 * Discards the rest of an earlier query: the delimiter makes the agent drop half a command, and
 * only the answer to this query has its random number.
 */
static int synchronize(struct agent *agent, struct error *err)
{
	struct json_object *value = NULL;
	char command[128];
	uint32_t number;
	int64_t answer;
	int ret;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return error_set_errno(err, errno, "cannot query the guest agent");
	snprintf(command, sizeof(command),
		 "%c{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":%u}}\n", DELIMITER,
		 number);
	ret = send_bytes(agent, command, strlen(command), err);
	while (ret == 0) {
		ret = find_delimiter(agent, err);
		if (ret == 0)
			ret = receive_line(agent, &value, err);
		if (ret < 0)
			break;
		answer = json_object_get_int64(json_member(value, "return", json_type_int));
		json_object_put(value);
		if (answer == number)
			return 0;
	}
	return ret;
}

/* Runs one command; *@value is NULL if the agent does not support it. */
static int run_command(struct agent *agent, const char *name, struct json_object **answer,
		       struct json_object **value, struct error *err)
{
	char command[64];
	int ret;

	snprintf(command, sizeof(command), "{\"execute\":\"%s\"}\n", name);
	ret = send_bytes(agent, command, strlen(command), err);
	if (ret == 0)
		ret = receive_line(agent, answer, err);
	if (ret == 0 && json_object_is_type(*answer, json_type_object))
		json_object_object_get_ex(*answer, "return", value);
	return ret;
}

/* Returns a cut text with '?' for each character unsafe on a terminal; NULL if it is missing. */
static struct json_object *make_text(struct json_object *object, const char *member)
{
	struct json_object *value = json_member(object, member, json_type_string);
	const char *from = json_object_get_string(value);
	size_t left = value ? (size_t)json_object_get_string_len(value) : 0;
	char text[TEXT_MAX + 4];
	size_t used = 0;

	if (!value)
		return NULL;
	while (left > 0 && used < TEXT_MAX) {
		uint32_t character;
		size_t size = text_decode(from, left, &character);

		if (size > 0 && text_safe(character)) {
			memcpy(text + used, from, size);
			used += size;
		} else {
			text[used++] = '?';
			size = size ? size : 1;
		}
		from += size;
		left -= size;
	}
	return json_object_new_string_len(text, (int)used);
}

static void add_addresses(struct json_object *card, struct json_object *from)
{
	struct json_object *list = json_member(from, "ip-addresses", json_type_array);
	struct json_object *addresses = json_object_new_array();
	size_t count = list ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < count && i < ADDRESSES_MAX; i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);
		struct json_object *text = make_text(entry, "ip-address");
		char whole[TEXT_MAX + 16];

		if (!text)
			continue;
		snprintf(whole, sizeof(whole), "%s/%u", json_object_get_string(text),
			 (unsigned int)json_object_get_int(
				 json_member(entry, "prefix", json_type_int)));
		json_object_array_add(addresses, json_object_new_string(whole));
		json_object_put(text);
	}
	json_object_object_add(card, "addresses", addresses);
}

/* Returns all interfaces but the loopback. */
static struct json_object *make_interfaces(struct json_object *list)
{
	struct json_object *interfaces = json_object_new_array();
	size_t count = json_object_is_type(list, json_type_array) ? json_object_array_length(list)
								  : 0;

	for (size_t i = 0; i < count && json_object_array_length(interfaces) < INTERFACES_MAX;
	     i++) {
		struct json_object *from = json_object_array_get_idx(list, i);
		struct json_object *name = make_text(from, "name");
		struct json_object *card;

		if (!name || !strcmp(json_object_get_string(name), "lo")) {
			json_object_put(name);
			continue;
		}
		card = json_object_new_object();
		json_object_object_add(card, "name", name);
		json_object_object_add(card, "mac", make_text(from, "hardware-address"));
		add_addresses(card, from);
		json_object_array_add(interfaces, card);
	}
	return interfaces;
}

static void add_version(struct json_object *facts, struct json_object *info)
{
	json_object_object_add(facts, "version", make_text(info, "version"));
}

static void add_os(struct json_object *facts, struct json_object *info)
{
	json_object_object_add(facts, "os", make_text(info, "pretty-name"));
	json_object_object_add(facts, "kernel", make_text(info, "kernel-release"));
}

static void add_hostname(struct json_object *facts, struct json_object *info)
{
	json_object_object_add(facts, "hostname", make_text(info, "host-name"));
}

static void add_network(struct json_object *facts, struct json_object *info)
{
	json_object_object_add(facts, "interfaces", make_interfaces(info));
}

void guest_agent_event(const char *name, struct json_object *data, bool *connected)
{
	struct json_object *id = json_member(data, "id", json_type_string);
	struct json_object *open = json_member(data, "open", json_type_boolean);

	if (!strcmp(name, "VSERPORT_CHANGE") && id && open &&
	    !strcmp(json_object_get_string(id), GUEST_AGENT_PORT))
		*connected = json_object_get_boolean(open);
}

int guest_agent_facts(int fd, unsigned int milliseconds, struct json_object **facts,
		      struct error *err)
{
	static const struct {
		const char *command;
		void (*add)(struct json_object *facts, struct json_object *info);
	} queries[] = {
		{ "guest-info", add_version },
		{ "guest-get-osinfo", add_os },
		{ "guest-get-host-name", add_hostname },
		{ "guest-network-get-interfaces", add_network },
	};
	cleanup_free struct agent *agent = calloc(1, sizeof(*agent));
	struct json_object *made = json_object_new_object();
	int ret;

	if (!agent || !made) {
		json_object_put(made);
		return error_set_errno(err, ENOMEM, "cannot query the guest agent");
	}
	agent->fd = fd;
	agent->deadline = monotonic_ms() + milliseconds;
	ret = synchronize(agent, err);
	for (size_t i = 0; i < ARRAY_SIZE(queries) && ret == 0; i++) {
		struct json_object *answer = NULL, *value = NULL;

		ret = run_command(agent, queries[i].command, &answer, &value, err);
		if (ret == 0)
			queries[i].add(made, value);
		json_object_put(answer);
	}
	if (ret == 0)
		*facts = made;
	else
		json_object_put(made);
	return ret;
}

int guest_agent_power_off(int fd, unsigned int milliseconds, struct error *err)
{
	static const char command[] =
		"{\"execute\":\"guest-shutdown\",\"arguments\":{\"mode\":\"powerdown\"}}\n";
	cleanup_free struct agent *agent = calloc(1, sizeof(*agent));
	int ret;

	if (!agent)
		return error_set_errno(err, ENOMEM, "cannot query the guest agent");
	agent->fd = fd;
	agent->deadline = monotonic_ms() + milliseconds;
	ret = synchronize(agent, err);
	if (ret == 0)
		ret = send_bytes(agent, command, strlen(command), err);
	return ret;
}
