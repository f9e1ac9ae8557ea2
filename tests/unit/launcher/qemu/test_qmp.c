// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the QMP client: split messages, mixed events and replies, hostile input.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/qemu/qmp.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/range.h"

#define GREETING                                                                            \
	"{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}}, " \
	"\"capabilities\": [\"oob\"]}}\r\n"
#define CAPABLE "{\"return\": {}, \"id\": 1}\r\n"

/* The callbacks of a client, as one text. */
struct calls {
	char text[4096];
};

__attribute__((format(printf, 2, 3))) static void note(struct calls *calls, const char *format, ...)
{
	size_t used = strlen(calls->text);
	va_list args;

	va_start(args, format);
	vsnprintf(calls->text + used, sizeof(calls->text) - used, format, args);
	va_end(args);
}

static void on_ready(void *context)
{
	note(context, "ready;");
}

static void on_event(const char *name, struct json_object *data, void *context)
{
	note(context, "event %s %s;", name,
	     data ? json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN) : "-");
}

static void on_reply(const char *command, struct json_object *result, const struct error *failure,
		     void *context)
{
	note(context, "reply %s %s;", command,
	     result ? json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN)
		    : failure->message);
}

static const struct qmp_ops ops = { on_ready, on_event, on_reply };

static struct qmp *make(int fd, struct calls *calls)
{
	struct error err;
	struct qmp *qmp;

	memset(calls, 0, sizeof(*calls));
	qmp = qmp_new(fd, &ops, calls, &err);
	assert_non_null(qmp);
	return qmp;
}

static int input(struct qmp *qmp, const char *text, struct error *err)
{
	return qmp_input(qmp, text, strlen(text), err);
}

/* Input in pieces of each length causes the same callbacks. */
static void test_cut_anywhere(void **state)
{
	static const char talk[] = GREETING CAPABLE
		"{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": "
		"\"POWERDOWN\"}\r\n"
		"{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, \"reason\": "
		"\"guest-shutdown\"}}"
		"{\"event\":\"\\u00e9\"}\n";
	struct calls calls;
	struct error err;
	size_t piece, at, length;

	for (piece = 1; piece <= sizeof(talk) - 1; piece++) {
		struct qmp *qmp = make(-1, &calls);

		for (at = 0; at < sizeof(talk) - 1; at += length) {
			length = sizeof(talk) - 1 - at < piece ? sizeof(talk) - 1 - at : piece;
			assert_int_equal(qmp_input(qmp, talk + at, length, &err), 0);
		}
		assert_string_equal(calls.text, "ready;event POWERDOWN -;event SHUTDOWN "
						"{\"guest\":true,\"reason\":\"guest-shutdown\"};"
						"event ?? -;");
		assert_true(qmp_is_ready(qmp));
		qmp_free(qmp);
	}
}

static void test_commands(void **state)
{
	struct calls calls;
	struct error err;
	struct json_object *arguments = json_object_new_object();
	struct qmp *qmp;
	char text[1024];
	ssize_t length;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	qmp = make(ends[0], &calls);
	assert_int_equal(qmp_send(qmp, "quit", NULL, &err), -ENOTCONN);
	assert_int_equal(qmp_receive(qmp, &err), 0);

	assert_int_equal(write(ends[1], GREETING, strlen(GREETING)), strlen(GREETING));
	assert_int_equal(qmp_receive(qmp, &err), 0);
	assert_int_equal(write(ends[1], CAPABLE, strlen(CAPABLE)), strlen(CAPABLE));
	assert_int_equal(qmp_receive(qmp, &err), 0);
	json_object_object_add(arguments, "name", json_object_new_string("net0"));
	json_object_object_add(arguments, "up", json_object_new_boolean(0));
	assert_int_equal(qmp_send(qmp, "set_link", arguments, &err), 0);
	assert_int_equal(qmp_send(qmp, "query-status", NULL, &err), 0);

	length = read(ends[1], text, sizeof(text) - 1);
	assert_true(length > 0);
	text[length] = '\0';
	assert_string_equal(text,
			    "{\"execute\":\"qmp_capabilities\",\"id\":1}\n"
			    "{\"execute\":\"set_link\",\"id\":2,\"arguments\":{\"name\":\"net0\","
			    "\"up\":false}}\n"
			    "{\"execute\":\"query-status\",\"id\":3}\n");

	assert_int_equal(input(qmp,
			       "{\"return\": {\"running\": true}, \"id\": 3}\r\n"
			       "{\"id\": 2, \"error\": {\"class\": \"DeviceNotFound\", "
			       "\"desc\": \"no \\u001b[31m'net0'\"}}\r\n",
			       &err),
			 0);
	assert_string_equal(calls.text, "ready;reply query-status {\"running\":true};"
					"reply set_link QEMU refused 'set_link': no ?[31m'net0';");

	close(ends[1]);
	assert_int_equal(qmp_receive(qmp, &err), -ECONNRESET);
	assert_int_equal(qmp_send(qmp, "quit", NULL, &err), -EPIPE);
	qmp_free(qmp);
}

static void test_refused_capabilities(void **state)
{
	struct calls calls;
	struct error err;
	struct qmp *qmp = make(-1, &calls);

	assert_int_equal(input(qmp, GREETING "{\"error\": {\"desc\": \"no\"}, \"id\": 1}", &err),
			 -EREMOTEIO);
	assert_string_equal(err.message, "QEMU refused 'qmp_capabilities': no");
	qmp_free(qmp);
}

static void test_invalid(void **state)
{
	static const char *const first[] = {
		"x",
		"[]",
		"17 ",
		"null ",
		"\"QMP\"",
		"{}",
		"{\"QMP\": 1}",
		"{\"return\": {}, \"id\": 1}",
		"{\"QMP\": {}]",
		"\xff",
		"{\"\xff\": 1}",
		"{\"event\": \"STOP\"}",
	};
	static const char *const later[] = {
		"{}",
		"[]",
		"{\"QMP\": {}}",
		"{\"event\": 1}",
		"{\"event\": null}",
		"{\"return\": {}}",
		"{\"return\": {}, \"id\": 0}",
		"{\"return\": {}, \"id\": 1}",
		"{\"return\": {}, \"id\": -1}",
		"{\"return\": {}, \"id\": \"1\"}",
		"{\"return\": {}, \"id\": 99999999999999999999999}",
		"{\"return\": null, \"id\": 2}",
		"NaN ",
		"/x",
	};
	struct calls calls;
	struct error err;
	struct qmp *qmp;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(first); i++) {
		qmp = make(-1, &calls);
		if (input(qmp, first[i], &err) != -EPROTO)
			fail_msg("accepted: %s", first[i]);
		assert_int_equal(err.status, STATUS_FAILURE);
		/* A protocol error is permanent. */
		assert_int_equal(input(qmp, GREETING, &err), -EPROTO);
		assert_string_equal(calls.text, "");
		qmp_free(qmp);
	}
	for (i = 0; i < ARRAY_SIZE(later); i++) {
		qmp = make(-1, &calls);
		assert_int_equal(input(qmp, GREETING CAPABLE, &err), 0);
		assert_int_equal(qmp_send(qmp, "stop", NULL, &err), 0);
		if (input(qmp, later[i], &err) != -EPROTO)
			fail_msg("accepted: %s", later[i]);
		assert_false(qmp_is_ready(qmp));
		assert_int_equal(qmp_send(qmp, "stop", NULL, &err), -ENOTCONN);
		qmp_free(qmp);
	}
	qmp = make(-1, &calls);
	assert_int_equal(qmp_input(qmp, "{\"QMP\"\0: {}}", 12, &err), -EPROTO);
	qmp_free(qmp);
}

/* Missing replies, endless messages and deep levels do not use unlimited memory. */
static void test_bounds(void **state)
{
	char block[1000];
	struct calls calls;
	struct error err;
	struct qmp *qmp = make(-1, &calls);
	size_t sent = 0;
	int i;

	for (i = 0; input(qmp, "{\"a\":", &err) == 0; i++)
		assert_true(i <= QMP_DEPTH_MAX);
	qmp_free(qmp);

	qmp = make(-1, &calls);
	assert_int_equal(input(qmp, GREETING CAPABLE "{\"event\": \"", &err), 0);
	memset(block, 'a', sizeof(block));
	while (qmp_input(qmp, block, sizeof(block), &err) == 0)
		sent += sizeof(block);
	assert_uint_in_range(sent, QMP_MESSAGE_MAX - 10000, QMP_MESSAGE_MAX);
	qmp_free(qmp);

	qmp = make(-1, &calls);
	memset(block, ' ', sizeof(block));
	for (sent = 0; qmp_input(qmp, block, sizeof(block), &err) == 0; sent += sizeof(block))
		assert_true(sent <= QMP_MESSAGE_MAX);
	qmp_free(qmp);

	/* Many messages are not one long message. */
	qmp = make(-1, &calls);
	assert_int_equal(input(qmp, GREETING CAPABLE, &err), 0);
	for (sent = 0; sent < 2 * QMP_MESSAGE_MAX; sent += 18)
		assert_int_equal(input(qmp, "{\"event\": \"STOP\"}\n", &err), 0);
	for (i = 0; i < QMP_PENDING_MAX; i++)
		assert_int_equal(qmp_send(qmp, "stop", NULL, &err), 0);
	assert_int_equal(qmp_send(qmp, "stop", json_object_new_object(), &err), -EBUSY);
	qmp_free(qmp);
	qmp_free(NULL);
}

/* If QEMU does not read, sending fails at once. */
static void test_no_reader(void **state)
{
	struct calls calls;
	struct error err;
	struct qmp *qmp;
	char block[4096] = { 0 };
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	qmp = make(ends[0], &calls);
	assert_int_equal(input(qmp, GREETING CAPABLE, &err), 0);
	while (send(ends[0], block, sizeof(block), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(qmp_send(qmp, "quit", NULL, &err), -EAGAIN);
	qmp_free(qmp);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_refused_capabilities),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_no_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
