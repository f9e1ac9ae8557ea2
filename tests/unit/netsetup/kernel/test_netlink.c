// SPDX-License-Identifier: GPL-2.0-or-later
// Sends requests that change nothing, and translates every code of libnl.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "netsetup/kernel/netlink.h"

static void test_errno(void **state)
{
	for (int nle = 1; nle <= NLE_MAX; nle++) {
		assert_true(netlink_errno(-nle) > 0);
		assert_int_equal(netlink_errno(-nle), netlink_errno(nle));
	}
	assert_int_equal(netlink_errno(0), 0);
	assert_int_equal(netlink_errno(-NLE_EXIST), EEXIST);
	assert_int_equal(netlink_errno(-NLE_PERM), EPERM);
	assert_int_equal(netlink_errno(-NLE_NODEV), ENODEV);
	assert_int_equal(netlink_errno(-NLE_MAX - 1), EIO);
	assert_int_equal(netlink_errno(INT_MIN), EIO);
	assert_int_equal(netlink_errno(INT_MAX), EIO);
}

static void test_error(void **state)
{
	struct error err;

	assert_int_equal(netlink_error(&err, -NLE_PERM, "cannot add route to '%s'", "vmr-web"),
			 -EPERM);
	assert_int_equal(err.code, EPERM);
	assert_int_equal(err.status, STATUS_PERMISSION);
	assert_string_equal(err.message, "cannot add route to 'vmr-web': Operation not permitted");
}

static void test_socket(void **state)
{
	cleanup_nl_sock *sock = NULL;
	struct timeval timeout = { 0 };
	socklen_t size = sizeof(timeout);
	struct error err;
	int fd;

	assert_int_equal(netlink_open(NETLINK_ROUTE, &sock, &err), 0);
	fd = nl_socket_get_fd(sock);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, &size), 0);
	assert_true(timeout.tv_sec > 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, &size), 0);
	assert_true(timeout.tv_sec > 0);
}

static void test_bad_protocol(void **state)
{
	struct nl_sock *sock = NULL;
	struct error err = { 0 };

	assert_true(netlink_open(MAX_LINKS, &sock, &err) < 0);
	assert_null(sock);
	assert_non_null(strstr(err.message, "cannot open a netlink socket: "));
}

/**
 * struct seen - counts the messages of an answer.
 * @links: number of links.
 * @loopback: true if the loopback is one of them.
 * @refuse: return value of the parser.
 */
struct seen {
	unsigned int links;
	bool loopback;
	int refuse;
};

static int see_link(struct nlmsghdr *header, void *context)
{
	struct ifinfomsg *info = nlmsg_data(header);
	struct seen *seen = context;

	assert_int_equal(header->nlmsg_type, RTM_NEWLINK);
	seen->links++;
	seen->loopback |= info->ifi_index == 1;
	return seen->refuse;
}

static struct nl_msg *link_request(int flags, int ifindex)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, flags);
	struct ifinfomsg info = { .ifi_index = ifindex };

	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	return msg;
}

/* One socket serves a dump, an object, a refusal and another dump. */
static void test_request(void **state)
{
	cleanup_nl_msg *dump = link_request(NLM_F_DUMP, 0), *one = link_request(0, 1);
	cleanup_nl_msg *none = link_request(0, INT_MAX);
	cleanup_nl_sock *sock = NULL;
	struct error err;

	assert_int_equal(netlink_open(NETLINK_ROUTE, &sock, &err), 0);
	for (int i = 0; i < 3; i++) {
		struct seen all = { 0 }, single = { 0 }, nothing = { 0 };

		assert_int_equal(netlink_request(sock, dump, see_link, &all), 0);
		assert_true(all.loopback);
		assert_int_equal(netlink_request(sock, one, see_link, &single), 0);
		assert_int_equal(single.links, 1);
		assert_true(single.loopback);
		assert_int_equal(netlink_request(sock, none, see_link, &nothing), -ENODEV);
		assert_int_equal(nothing.links, 0);
		assert_int_equal(netlink_request(sock, one, NULL, NULL), 0);
	}
}

/* The request returns the parser's error, and the socket serves the next request. */
static void test_parser_refuses(void **state)
{
	cleanup_nl_msg *dump = link_request(NLM_F_DUMP, 0);
	struct seen seen = { .refuse = -EBADMSG };
	cleanup_nl_sock *sock = NULL;
	struct error err;

	assert_int_equal(netlink_open(NETLINK_ROUTE, &sock, &err), 0);
	assert_int_equal(netlink_request(sock, dump, see_link, &seen), -EBADMSG);
	assert_int_equal(seen.links, 1);
	seen = (struct seen){ 0 };
	assert_int_equal(netlink_request(sock, dump, see_link, &seen), 0);
	assert_true(seen.loopback);
}

/*
 * The next two functions replace those that libnl calls. While @forged is set, it is the answer to
 * the last request, as an error or as the end of a dump.
 */
static const int *forged;
static uint16_t forged_type;
static uint32_t forged_sequence;

__attribute__((visibility("default"))) ssize_t sendmsg(int fd, const struct msghdr *message,
						       int flags)
{
	if (!forged)
		return syscall(SYS_sendmsg, fd, message, flags);
	forged_sequence = ((struct nlmsghdr *)message->msg_iov[0].iov_base)->nlmsg_seq;
	return (ssize_t)message->msg_iov[0].iov_len;
}

__attribute__((visibility("default"))) ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} answer = { .header = { .nlmsg_len = sizeof(answer) } };

	if (!forged)
		return syscall(SYS_recvmsg, fd, message, flags);
	answer.header.nlmsg_type = forged_type;
	answer.header.nlmsg_seq = forged_sequence;
	answer.error.error = *forged;
	memcpy(message->msg_iov[0].iov_base, &answer, sizeof(answer));
	memcpy(message->msg_name, &kernel, sizeof(kernel));
	message->msg_namelen = sizeof(kernel);
	message->msg_controllen = 0;
	message->msg_flags = 0;
	return sizeof(answer);
}

/* A value that is no errno of the kernel's must not be returned. Found by fuzz_kernel. */
static void test_no_errno(void **state)
{
	static const struct {
		int code, result;
	} cases[] = { { -EPERM, -EPERM }, { -4095, -4095 },     { -4096, -EPROTO },
		      { 1, -EPROTO },     { INT_MIN, -EPROTO }, { INT_MAX, -EPROTO } };
	static const uint16_t types[] = { NLMSG_ERROR, NLMSG_DONE };

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_nl_sock *sock = NULL;
		cleanup_nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, 0);
		struct error err;
		int result;

		assert_non_null(msg);
		assert_int_equal(netlink_open(NETLINK_ROUTE, &sock, &err), 0);
		forged = &cases[i / 2].code;
		forged_type = types[i % 2];
		result = netlink_request(sock, msg, NULL, NULL);
		forged = NULL;
		assert_int_equal(result, cases[i / 2].result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errno),    cmocka_unit_test(test_error),
		cmocka_unit_test(test_socket),   cmocka_unit_test(test_bad_protocol),
		cmocka_unit_test(test_request),  cmocka_unit_test(test_parser_refuses),
		cmocka_unit_test(test_no_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
