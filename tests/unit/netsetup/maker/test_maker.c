// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the checks of the process that has the capabilities, and its conversation.
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "netsetup/kernel/sysctl.h"
#include "netsetup/maker/change.h"
#include "tests/unit/support/namespace.h"

static struct error err;

static int execute(struct maker_request request, int fds[MAKER_FDS_MAX])
{
	struct nl_sock *route = NULL;
	uint32_t ifindex = 0;
	int ret;

	assert_int_equal(netlink_open(NETLINK_ROUTE, &route, &err), 0);
	ret = maker_execute(route, &request, &ifindex, fds, &err);
	nl_socket_free(route);
	return ret < 0 ? ret : (int)ifindex;
}

static int make(struct maker_request request)
{
	int fds[MAKER_FDS_MAX];
	const int ret = execute(request, fds);

	for (size_t i = 0; i < MAKER_FDS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return ret;
}

static struct in_addr address(void)
{
	return (struct in_addr){ htonl(0xc0a80764) };
}

static int key_of(const char *tree, const char *key)
{
	return maker_sysctl_key(&(struct sysctl){ tree, "e0", key });
}

/* Requests that no VM needs. */
static void refusals(void)
{
	const uint32_t lo = if_nametoindex("lo"), uplink = if_nametoindex("e0");
	struct maker_request tap = { .type = MAKER_TAP_ADD, .number = 1, .ifname = "vmr-x" };
	uint32_t ours, foreign;
	int fds[MAKER_FDS_MAX];

	ours = (uint32_t)execute(tap, fds);
	assert_int_equal(ours, if_nametoindex("vmr-x"));
	assert_int_equal(namespace_run("ip tuntap add tun0 mode tap"), 0);
	foreign = if_nametoindex("tun0");

	assert_int_equal(make((struct maker_request){ .type = MAKER_DHCP_SOCKET + 1 }), -EPERM);
	assert_int_equal(make((struct maker_request){ .type = UINT32_MAX }), -EPERM);

	/* A tap of another name, a queue too many, one that exists. */
	strcpy(tap.ifname, "eth0");
	assert_int_equal(make(tap), -EPERM);
	strcpy(tap.ifname, "vmr-/");
	assert_int_equal(make(tap), -EPERM);
	strcpy(tap.ifname, "vmr-y");
	tap.number = 9;
	assert_int_equal(make(tap), -EPERM);
	tap.number = 1;
	strcpy(tap.ifname, "vmr-x");
	assert_int_equal(make(tap), -EBUSY);

	/* Other interfaces than our taps. */
	for (enum maker_type type = MAKER_LINK_UP; type <= MAKER_DHCP_SOCKET; type++) {
		if (type != MAKER_LINK_UP && type != MAKER_LINK_DELETE && type != MAKER_FILTER &&
		    type != MAKER_ROUTE_ADD && type != MAKER_ROUTE_DELETE &&
		    type != MAKER_DHCP_SOCKET)
			continue;
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(make((struct maker_request){
						 .type = type,
						 .ifindex = (uint32_t[]){ lo, uplink, foreign }[i],
						 .number = type == MAKER_LINK_UP ? 1500 : 0,
						 .address = address(),
						 .source = address() }),
					 -EPERM);
	}

	/* Uplinks that are none. */
	for (size_t i = 0; i < 2; i++) {
		const uint32_t ifindex = (uint32_t[]){ lo, ours }[i];

		assert_int_equal(make((struct maker_request){ .type = MAKER_PROXY_ADD,
							      .ifindex = ifindex,
							      .address = address() }),
				 -EPERM);
		assert_int_equal(make((struct maker_request){ .type = MAKER_ARP_SOCKET,
							      .ifindex = ifindex }),
				 -EPERM);
	}
	assert_int_equal(make((struct maker_request){ .type = MAKER_PROXY_DELETE,
						      .ifindex = ours,
						      .address = address() }),
			 -EPERM);

	assert_int_equal(make((struct maker_request){ .type = MAKER_LINK_UP,
						      .ifindex = ours,
						      .number = 1500,
						      .mac = { { 2, 0, 0, 0, 0, 7 } } }),
			 0);
	/* A route without a source, and with one that is not this host's. */
	assert_int_equal(make((struct maker_request){
				 .type = MAKER_ROUTE_ADD, .ifindex = ours, .address = address() }),
			 -EPERM);
	assert_int_equal(make((struct maker_request){ .type = MAKER_ROUTE_ADD,
						      .ifindex = ours,
						      .address = address(),
						      .source = address() }),
			 -EINVAL);

	/* Addresses and values. */
	assert_int_equal(make((struct maker_request){ .type = MAKER_PROXY_ADD, .ifindex = uplink }),
			 -EPERM);
	assert_int_equal(
		make((struct maker_request){ .type = MAKER_SYSCTL, .ifindex = uplink, .key = 5 }),
		-EPERM);
	assert_int_equal(make((struct maker_request){
				 .type = MAKER_SYSCTL, .ifindex = uplink, .number = -1 }),
			 -EPERM);
	assert_int_equal(make((struct maker_request){ .type = MAKER_SYSCTL, .ifindex = lo }),
			 -EPERM);
	assert_int_equal(key_of("ipv4/conf", "accept_redirects"), -1);
	assert_int_equal(key_of("ipv6/conf", "forwarding"), -1);

	/* An interface that is gone needs no undoing; nothing else can be done with it. */
	assert_int_equal(make((struct maker_request){ .type = MAKER_LINK_DELETE, .ifindex = 999 }),
			 0);
	assert_int_equal(make((struct maker_request){ .type = MAKER_ARP_SOCKET, .ifindex = 999 }),
			 -ENODEV);
	close(fds[0]);
}

static void test_refusals(void **state)
{
	namespace_test(refusals);
}

static void *run_maker(void *socket)
{
	static struct error unused;

	assert_int_equal(maker_run(*(int *)socket, &unused), 0);
	return NULL;
}

/* The tap's descriptors and an error pass the socket as they are. */
static void conversation(void)
{
	const struct maker_request tap = { .type = MAKER_TAP_ADD, .number = 2, .ifname = "vmr-x" };
	int sockets[2], fds[MAKER_FDS_MAX];
	uint32_t ifindex;
	pthread_t thread;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets), 0);
	assert_int_equal(pthread_create(&thread, NULL, run_maker, &sockets[1]), 0);

	assert_int_equal(maker_call(sockets[0], &tap, &ifindex, fds, &err), 0);
	assert_int_equal(ifindex, if_nametoindex("vmr-x"));
	assert_true(fds[0] >= 0 && fds[1] >= 0 && fds[2] < 0);
	/* The maker has kept no descriptor: the tap goes with ours. */
	close(fds[0]);
	close(fds[1]);
	for (int i = 0; i < 200 && if_nametoindex("vmr-x"); i++)
		usleep(10000);
	assert_int_equal(if_nametoindex("vmr-x"), 0);

	assert_int_equal(
		maker_call(sockets[0], &(struct maker_request){ .type = 99 }, &ifindex, fds, &err),
		-EPERM);
	assert_string_equal(err.message, "the service requested what no VM needs");
	assert_int_equal(fds[0], -1);

	shutdown(sockets[0], SHUT_WR);
	pthread_join(thread, NULL);
	close(sockets[1]);
	assert_int_equal(maker_call(sockets[0], &tap, &ifindex, fds, &err) < 0, 1);
	close(sockets[0]);
}

static void test_conversation(void **state)
{
	namespace_test(conversation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_conversation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
