// SPDX-License-Identifier: GPL-2.0-or-later
// Tests notifications to file system and abstract sockets, and to none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "launcher/run/sd_notify.h"

#define PATH "/tmp/vmrun-notify-XXXXXX"

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (const struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))),
			 0);
	return fd;
}

static void check(const char *path)
{
	struct sd_notify sd_notify;
	char text[64] = "";
	int fd = listen_at(path);

	setenv("NOTIFY_SOCKET", path, 1);
	sd_notify_open(&sd_notify);
	assert_true(sd_notify.socket >= 0);
	assert_null(getenv("NOTIFY_SOCKET"));
	sd_notify_send(&sd_notify, "READY=1\nSTATUS=%s", "here");
	assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), 19);
	assert_string_equal(text, "READY=1\nSTATUS=here");
	/* Without a receiver, sending neither blocks nor raises SIGPIPE. */
	close(fd);
	sd_notify_send(&sd_notify, "STOPPING=1");
	sd_notify_close(&sd_notify);
	assert_int_equal(sd_notify.socket, -1);
}

static void test_sent(void **state)
{
	char directory[] = PATH, path[64];

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/socket", directory);
	check(path);
	unlink(path);
	rmdir(directory);
	snprintf(path, sizeof(path), "@%s", directory);
	check(path);
}

static void test_no_manager(void **state)
{
	static const char *const paths[] = { NULL,       "",          "/",
					     "relative", "vsock:2:1", "/nowhere/at/all" };
	struct sd_notify sd_notify = SD_NOTIFY_NONE;

	sd_notify_send(&sd_notify, "READY=1");
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		if (paths[i])
			setenv("NOTIFY_SOCKET", paths[i], 1);
		else
			unsetenv("NOTIFY_SOCKET");
		sd_notify_open(&sd_notify);
		assert_int_equal(sd_notify.socket, -1);
		sd_notify_send(&sd_notify, "READY=1");
		sd_notify_close(&sd_notify);
	}
}

static void test_long(void **state)
{
	char path[256] = "/";
	struct sd_notify sd_notify;

	memset(path + 1, 'x', sizeof(path) - 2);
	setenv("NOTIFY_SOCKET", path, 1);
	sd_notify_open(&sd_notify);
	assert_int_equal(sd_notify.socket, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sent),
		cmocka_unit_test(test_no_manager),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
