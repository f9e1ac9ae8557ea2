// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the wait for an SSH server against servers of this process.
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/common/signals.h"
#include "launcher/run/wait_ssh.h"
#include "netsetup/base/cleanup.h"

/* Opens a server on a free port of the loopback network. */
static int listen_ssh(struct sockaddr_in *ssh)
{
	socklen_t size = sizeof(*ssh);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ssh = (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)ssh, sizeof(*ssh)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ssh, &size), 0);
	return fd;
}

/* Answers on the first connection, once the client has tried another one. */
static void *serve_slowly(void *context)
{
	const int listener = *(const int *)context;
	const int first = accept(listener, NULL, NULL);
	const int second = accept(listener, NULL, NULL);
	const ssize_t sent = send(first, "SSH-2.0-slow\r\n", 14, MSG_NOSIGNAL);
	char byte;

	recv(second, &byte, 1, 0);
	close(first);
	close(second);
	return sent == 14 ? context : NULL;
}

static void test_slow_server(void **state)
{
	struct wait_ssh wait = { .vm = -1, .timeout = 60 };
	cleanup_fd int listener = listen_ssh(&wait.ssh);
	struct error err = { 0 };
	void *result = NULL;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, serve_slowly, &listener), 0);
	assert_int_equal(wait_ssh(&wait, &err), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_non_null(result);
}

static void test_refused(void **state)
{
	struct wait_ssh wait = { .vm = -1, .timeout = 0 };
	struct error err = { 0 };

	close(listen_ssh(&wait.ssh));
	assert_int_equal(wait_ssh(&wait, &err), -ETIMEDOUT);
	assert_string_equal(err.message, "the SSH server at 127.0.0.1 does not answer yet: "
					 "connection refused: no SSH server yet");
	assert_int_equal(err.status, STATUS_FAILURE);
}

static void test_silent(void **state)
{
	struct wait_ssh wait = { .vm = -1, .timeout = 1 };
	cleanup_fd int listener = listen_ssh(&wait.ssh);
	struct error err = { 0 };

	assert_true(listener >= 0);
	assert_int_equal(wait_ssh(&wait, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.message, "connected, but the server is silent"));
}

static int refuse(unsigned int seconds, const char *reason, void *context, struct error *err)
{
	return error_setf(err, STATUS_FAILURE, EBUSY, "%s", reason);
}

static void test_ends(void **state)
{
	struct wait_ssh wait = { .vm = -1, .timeout = -1, .tick = refuse };
	struct error err = { 0 };
	int sockets[2];

	close(listen_ssh(&wait.ssh));
	assert_int_equal(wait_ssh(&wait, &err), -EBUSY);
	assert_string_equal(err.message, "connection refused: no SSH server yet");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	close(sockets[1]);
	wait.vm = sockets[0];
	assert_int_equal(wait_ssh(&wait, &err), -ECONNRESET);
	close(sockets[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow_server),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_ends),
	};

	signals_block();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
