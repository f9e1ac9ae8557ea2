// SPDX-License-Identifier: GPL-2.0-or-later
// Tests a request to a running VM between two processes.
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/common/loop.h"
#include "launcher/definition/definition.h"
#include "launcher/definition/type_port.h"
#include "launcher/run/control.h"
#include "tests/unit/support/scratch.h"

/* Returns the maximum number of ports, each with its longest text. */
static struct json_object *status(void *context)
{
	struct json_object *object = json_object_new_object();
	struct json_object *ports = json_object_new_array();
	char text[TYPE_PORT_TEXT_SIZE];

	memset(text, '5', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (unsigned int i = 0; i < NETWORKS_MAX * PORTS_MAX; i++)
		json_object_array_add(ports, json_object_new_string(text));
	json_object_object_add(object, "ports", ports);
	return object;
}

static const struct control_ops ops = { .status = status };

/* Listens, closes @ready as the signal for it, and serves; alarm() ends it if the test fails. */
static void serve(int ready)
{
	struct error err;
	struct loop *loop = loop_new(&err);

	alarm(20);
	if (!loop || !control_open(loop, scratch, &ops, NULL, &err))
		_exit(1);
	close(ready);
	_exit(loop_run(loop, &err) < 0);
}

/* Starts a process that serves, and waits until it listens. */
static pid_t start(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		serve(ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	return pid;
}

static void test_long_status(void **state)
{
	struct json_object *request = json_tokener_parse("{\"request\": \"status\"}");
	struct json_object *reply = NULL, *wanted = status(NULL);
	const pid_t pid = start();
	struct error err = { 0 };
	int ret;

	ret = control_ask(scratch, request, NULL, &reply, &err);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(ret, 0);
	assert_true(json_object_equal(reply, wanted));
	json_object_put(reply);
	json_object_put(wanted);
	json_object_put(request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_long_status, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
