// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the switch of private networks: who receives which frame, and what stays in the directory.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "launcher/devices/private_network.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/scratch.h"

#define CARDS_MAX 4

static struct loop *loop;
static struct private_network *networks[CARDS_MAX];
static int cards[CARDS_MAX]; /* QEMU's ends */
static unsigned int rounds;

static int setup(void **state)
{
	struct error err;

	memset(networks, 0, sizeof(networks));
	memset(cards, -1, sizeof(cards));
	loop = loop_new(&err);
	return !loop || scratch_setup(state) || setenv("XDG_RUNTIME_DIR", scratch, 1);
}

static int teardown(void **state)
{
	for (int i = 0; i < CARDS_MAX; i++) {
		private_network_close(networks[i]);
		cleanup_fd_done(&cards[i]);
	}
	loop_free(loop);
	return scratch_teardown(state);
}

static void join(int i, const char *name, const char *vm)
{
	struct error err = { 0 };

	networks[i] = private_network_open(name, vm, loop, &cards[i], &err);
	if (!networks[i])
		fail_msg("%s", err.message);
}

static void leave(int i)
{
	private_network_close(networks[i]);
	cleanup_fd_done(&cards[i]);
	networks[i] = NULL;
	cards[i] = -1;
}

static void join_three(void)
{
	join(0, "lab", "a");
	join(1, "lab", "b");
	join(2, "lab", "c");
}

/* Counts rounds of the loop, in each of which every ready descriptor is served. */
static void tick(int fd, uint32_t events, void *context)
{
	if (++rounds == 4)
		loop_stop(loop);
}

static void settle(void)
{
	cleanup_fd int always = eventfd(1, EFD_CLOEXEC);
	struct error err;

	rounds = 0;
	assert_int_equal(loop_add(loop, always, EPOLLIN, tick, NULL, &err), 0);
	assert_int_equal(loop_run(loop, &err), 0);
	loop_remove(loop, always);
}

/* Sends a frame from a card; @to and @from are the last bytes of addresses, 0xff is broadcast. */
static void transmit(int i, uint8_t to, uint8_t from, size_t size)
{
	static uint8_t frame[PRIVATE_NETWORK_FRAME_MAX + 1];

	memset(frame, to == 0xff ? 0xff : 2, 6);
	frame[5] = to;
	memset(frame + 6, 2, 6);
	frame[11] = from;
	assert_int_equal(send(cards[i], frame, size, 0), size);
	settle();
}

/* Returns the size of the frame that waits at a card, or 0. */
static size_t received(int i)
{
	static uint8_t frame[PRIVATE_NETWORK_FRAME_MAX + 1];
	const ssize_t size = recv(cards[i], frame, sizeof(frame), MSG_DONTWAIT);

	return size < 0 ? 0 : (size_t)size;
}

static void test_all_but_the_sender(void **state)
{
	join_three();
	join(3, "other", "d");
	transmit(0, 0xff, 1, 60);
	assert_int_equal(received(0), 0);
	assert_int_equal(received(1), 60);
	assert_int_equal(received(2), 60);
	assert_int_equal(received(3), 0);
}

static void test_known_address(void **state)
{
	join_three();
	transmit(1, 0xff, 11, 60);
	received(0), received(2);
	transmit(0, 11, 10, 99);
	assert_int_equal(received(1), 99);
	assert_int_equal(received(2), 0);
	/* The address moves to another VM. */
	transmit(2, 0xff, 11, 60);
	received(0), received(1);
	transmit(0, 11, 10, 99);
	assert_int_equal(received(1), 0);
	assert_int_equal(received(2), 99);
	/* An unknown address with the same last byte of another known one. */
	transmit(0, 11 + 64, 10, 99);
	assert_int_equal(received(1), 99);
	assert_int_equal(received(2), 99);
}

static void test_group_is_no_source(void **state)
{
	join_three();
	transmit(1, 0xff, 1, 60);
	received(0), received(2);
	/* A frame whose source and destination are broadcast. */
	assert_int_equal(
		send(cards[1], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff..", 14, 0), 14);
	settle();
	received(0), received(2);
	transmit(0, 0xff, 1, 60);
	assert_int_equal(received(1), 60);
	assert_int_equal(received(2), 60);
}

static void test_sizes(void **state)
{
	join_three();
	transmit(0, 0xff, 1, 13);
	assert_int_equal(received(1), 0);
	transmit(0, 0xff, 1, 14);
	assert_int_equal(received(1), 14);
	transmit(0, 0xff, 1, PRIVATE_NETWORK_FRAME_MAX);
	assert_int_equal(received(1), PRIVATE_NETWORK_FRAME_MAX);
	transmit(0, 0xff, 1, PRIVATE_NETWORK_FRAME_MAX + 1);
	assert_int_equal(received(1), 0);
}

/* A VM that was killed leaves its socket; one that leaves in order does not. */
static void test_gone(void **state)
{
	const struct removal removal = { 0 };

	join_three();
	transmit(1, 0xff, 11, 60);
	received(0), received(2);
	leave(1);
	assert_int_equal(access(scratch_path("vmrun/.private/lab/b"), F_OK), 0);
	/* The frame for the VM that is gone goes to all: its address may have moved. */
	transmit(0, 11, 10, 99);
	assert_int_equal(received(2), 99);

	join(1, "lab", "b");
	transmit(0, 0xff, 10, 60);
	assert_int_equal(received(1), 60);
	leave(1);
	private_network_remove("b", &(struct removal){ .dry_run = true });
	assert_int_equal(access(scratch_path("vmrun/.private/lab/b"), F_OK), 0);
	private_network_remove("b", &removal);
	assert_int_not_equal(access(scratch_path("vmrun/.private/lab/b"), F_OK), 0);
	assert_int_equal(access(scratch_path("vmrun/.private/lab/a"), F_OK), 0);
	received(2);
	transmit(0, 0xff, 10, 60);
	assert_int_equal(received(2), 60);

	private_network_remove("a", &removal);
	private_network_remove("c", &removal);
	assert_int_not_equal(access(scratch_path("vmrun/.private"), F_OK), 0);
}

/* One that does not read holds no other up, neither by its own queue nor by the sender's buffer. */
static void test_stopped(void **state)
{
	struct loop *running = loop, *stopped;
	struct error err;

	join(0, "lab", "a");
	join(1, "lab", "b");
	join(3, "lab", "d");
	stopped = loop = loop_new(&err);
	join(2, "lab", "c");
	loop = running;
	for (int i = 0; i < 64; i++) {
		transmit(0, 0xff, 1, PRIVATE_NETWORK_FRAME_MAX);
		assert_int_equal(received(1), PRIVATE_NETWORK_FRAME_MAX);
		assert_int_equal(received(3), PRIVATE_NETWORK_FRAME_MAX);
	}
	leave(2);
	loop_free(stopped);
}

static void test_directory(void **state)
{
	char name[64];
	struct stat st;

	memset(name, 'n', 63);
	name[63] = '\0';
	join(0, name, name);
	assert_int_equal(stat(scratch_path("vmrun/.private"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	name[0] = 'm';
	join(1, "lab", "a");
	join(2, "lab", name);
	transmit(1, 0xff, 1, 60);
	assert_int_equal(received(2), 60);
	assert_int_equal(stat(scratch_path("vmrun/.private/lab"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_refused(void **state)
{
	struct error err = { 0 };
	int card = -1;

	scratch_text("vmrun/.private/lab", "");
	assert_null(private_network_open("lab", "a", loop, &card, &err));
	assert_non_null(strstr(err.message, "cannot join private network 'lab': cannot use"));
	assert_int_equal(card, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_but_the_sender, setup, teardown),
		cmocka_unit_test_setup_teardown(test_known_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_group_is_no_source, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stopped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
