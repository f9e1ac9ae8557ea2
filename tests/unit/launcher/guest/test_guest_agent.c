// SPDX-License-Identifier: GPL-2.0-or-later
// Tests queries of a correct and of a hostile guest agent.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <json-c/json.h>
#include <json-c/json_pointer.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "launcher/guest/guest_agent.h"
#include "netsetup/base/cleanup.h"

/* The timeout of a query: long enough for a slow host, short enough for a test. */
#define MILLISECONDS 1500

/**
 * struct guest - a simulated agent.
 * @fd: of the connection.
 * @before: sent before the answer to the synchronization.
 * @answers: one for each further line; NULL-terminated.
 * @endless: sent without end in place of an answer to the synchronization.
 * @wrong: true to answer the synchronization with another number.
 */
struct guest {
	int fd;
	const char *before;
	const char *const *answers;
	const char *endless;
	bool wrong;
};

static bool put(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) >= 0;
}

static void *guest_run(void *context)
{
	const struct guest *guest = context;
	char line[512], text[64];
	size_t next = 0;
	ssize_t size;

	while ((size = recv(guest->fd, line, sizeof(line) - 1, 0)) > 0) {
		char *id;

		line[size] = '\0';
		id = strstr(line, "\"id\":");
		for (int i = 0; guest->endless && i < 1000000; i++)
			if (!put(guest->fd, guest->endless))
				return NULL;
		if (id && guest->before)
			put(guest->fd, guest->before);
		if (id) {
			snprintf(text, sizeof(text), "\xff{\"return\": %lld}\n",
				 strtoll(id + 5, NULL, 10) + guest->wrong);
			put(guest->fd, text);
		} else if (guest->answers && guest->answers[next]) {
			put(guest->fd, guest->answers[next++]);
		}
	}
	return NULL;
}

/* Queries the agent; *@took is the duration in milliseconds. */
static int query(struct guest *guest, struct json_object **facts, struct error *err, long *took)
{
	struct timespec begin, end;
	pthread_t thread;
	int sockets[2];
	int ret;

	memset(err, 0, sizeof(*err));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	guest->fd = sockets[1];
	assert_int_equal(pthread_create(&thread, NULL, guest_run, guest), 0);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	ret = guest_agent_facts(sockets[0], MILLISECONDS, facts, err);
	clock_gettime(CLOCK_MONOTONIC, &end);
	close(sockets[0]);
	pthread_join(thread, NULL);
	close(sockets[1]);
	*took = (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000;
	return ret;
}

static void assert_value(struct json_object *root, const char *pointer, const char *expected)
{
	struct json_object *value = NULL;

	if (json_pointer_get(root, pointer, &value))
		assert_string_equal("-", expected);
	else
		assert_string_equal(value ? json_object_get_string(value) : "null", expected);
}

static void test_good(void **state)
{
	static const char *const answers[] = {
		"{\"return\": {\"version\": \"8.0\", \"supported_commands\": []}}\n",
		"{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no\"}}\n",
		"{\"return\": {\"host-name\": \"w\xc3\xa9"
		"b\"}}\n",
		"{\"return\": [{\"name\": \"lo\"}, {\"name\": \"eth0\", \"hardware-address\": "
		"\"02:00:00:00:00:01\", \"ip-addresses\": [{\"ip-address\": \"192.168.1.2\", "
		"\"prefix\": 24, \"ip-address-type\": \"ipv4\"}, {\"prefix\": 1}, 7]}, 5, {}]}\n",
		NULL,
	};
	struct guest guest = { .before = "{\"return\": 1}\n\xff{\"return\": 2}\n",
			       .answers = answers };
	struct json_object *facts = NULL;
	struct error err;
	long took;

	if (query(&guest, &facts, &err, &took) < 0)
		fail_msg("%s", err.message);
	assert_value(facts, "/version", "8.0");
	assert_value(facts, "/os", "null");
	assert_value(facts, "/hostname",
		     "w\xc3\xa9"
		     "b");
	assert_value(facts, "/interfaces/0/name", "eth0");
	assert_value(facts, "/interfaces/0/mac", "02:00:00:00:00:01");
	assert_value(facts, "/interfaces/0/addresses/0", "192.168.1.2/24");
	assert_value(facts, "/interfaces/0/addresses/1", "-");
	assert_value(facts, "/interfaces/1", "-");
	json_object_put(facts);
}

/* Control characters and invalid UTF-8 are replaced, and endless texts are cut. */
static void test_texts(void **state)
{
	static const char *const answers[] = {
		"{\"return\": {\"version\": \"\\u001b[31m\\u202e\\u0000x\xff\xc0\"}}\n",
		"{\"return\": {\"pretty-name\": {\"a\": 1}, \"kernel-release\": 5}}\n",
		"{\"return\": {\"host-name\": "
		"\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}}\n",
		"{\"return\": {\"name\": \"no list\"}}\n",
		NULL,
	};
	struct guest guest = { .answers = answers };
	struct json_object *facts = NULL, *name = NULL;
	struct error err;
	long took;

	if (query(&guest, &facts, &err, &took) < 0)
		fail_msg("%s", err.message);
	assert_value(facts, "/version", "?[31m??x??");
	assert_value(facts, "/os", "null");
	assert_value(facts, "/kernel", "null");
	assert_true(json_object_object_get_ex(facts, "hostname", &name));
	assert_int_equal(json_object_get_string_len(name), 128);
	assert_value(facts, "/interfaces", "[ ]");
	json_object_put(facts);
}

/* Each case ends before its timeout, with a reason. */
static void test_hostile(void **state)
{
	static const char *const garbage[] = { "what\n", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1\n",
					       "\n", "{\"return\": null}\n", NULL };
	static const char *const none[] = { NULL };
	struct {
		const char *what;
		struct guest guest;
		int code;
	} cases[] = {
		{ "silence", { .answers = none }, -ETIMEDOUT },
		{ "another number", { .wrong = true }, -ETIMEDOUT },
		{ "an endless line",
		  { .endless = "\xff{\"return\": \"aaaaaaaaaaaaaaaaaaaaaa" },
		  -EMSGSIZE },
		{ "no delimiter", { .endless = "{\"return\": 1}\n{\"return\": 1}\n" }, -EMSGSIZE },
		{ "delimiters alone",
		  { .endless = "\xff\xff\xff\xff\xff\xff\xff\xff\n" },
		  -EMSGSIZE },
		{ "garbage", { .answers = garbage }, 0 },
		{ "broken numbers",
		  { .before = "\xff{\"return\": 99999999999999999999999}\n\xff"
			      "{\"return\": 1e400}\n\xff\n\xff}\n",
		    .answers = garbage },
		  0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct json_object *facts = NULL;
		struct error err;
		long took;
		int ret = query(&cases[i].guest, &facts, &err, &took);

		if (ret != cases[i].code || took > MILLISECONDS + 1000)
			fail_msg("%s: %d in %ld ms: %s", cases[i].what, ret, took, err.message);
		json_object_put(facts);
	}
}

static void test_gone(void **state)
{
	struct json_object *facts;
	struct error err;
	int sockets[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	close(sockets[1]);
	assert_true(guest_agent_facts(sockets[0], MILLISECONDS, &facts, &err) < 0);
	assert_true(guest_agent_power_off(sockets[0], MILLISECONDS, &err) < 0);
	close(sockets[0]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
