// SPDX-License-Identifier: GPL-2.0-or-later
// Tests each change to the host, lost answers and dry runs.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "netsetup/base/address_set.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/host/host.h"
#include "netsetup/kernel/neighbour.h"
#include "netsetup/kernel/query.h"
#include "netsetup/kernel/tap.h"
#include "netsetup/maker/maker_call.h"
#include "tests/unit/support/namespace.h"

static struct in_addr address(const char *text)
{
	struct in_addr parsed;

	assert_true(ipv4_parse(text, &parsed));
	return parsed;
}

/* A host over a netlink socket of this namespace. */
static struct host host_here(void)
{
	struct host host = { 0 };
	struct error err = { 0 };

	assert_int_equal(netlink_open(NETLINK_ROUTE, &host.route, &err), 0);
	return host;
}

/* An answer with fewer descriptors than queues is an error; what came is closed. */
static void too_few_descriptors(void)
{
	struct maker_answer answer = { .ifindex = 4711 };
	struct iovec data = { &answer, sizeof(answer) };
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	const struct msghdr message = { .msg_iov = &data,
					.msg_iovlen = 1,
					.msg_control = &control,
					.msg_controllen = sizeof(control) };
	struct error err = { 0 };
	struct host host = { 0 };
	int sockets[2], fds[2] = { -1, -1 };
	unsigned int ifindex = 1, before;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets), 0);
	host.maker = sockets[0];
	memcpy(CMSG_DATA(&control.header), &sockets[1], sizeof(int));
	before = namespace_count_fds();
	assert_int_equal(sendmsg(sockets[1], &message, 0), sizeof(answer));
	assert_int_equal(host_tap_add(&host, "vmr-x", 2, false, fds, &ifindex, &err), -EPROTO);
	assert_string_equal(err.message, "the maker has not sent 2 descriptors: Protocol error");
	assert_int_equal(ifindex, 0);
	assert_int_equal(fds[0], -1);
	assert_int_equal(namespace_count_fds(), before);
	close(sockets[0]);
	close(sockets[1]);
}

static void test_too_few_descriptors(void **state)
{
	namespace_test(too_few_descriptors);
}

/* An answer that nobody reads, as after a timeout, does not spoil the later requests. */
static void lost_answer(void)
{
	struct host host = host_here();
	const struct interface_id uplink = { "e0", if_nametoindex("e0") };
	const struct ndmsg header = { .ndm_family = AF_INET, .ndm_ifindex = (int)uplink.ifindex };
	cleanup_nl_msg *message = nlmsg_alloc_simple(RTM_GETNEIGH, NLM_F_DUMP);
	struct error err = { 0 };

	assert_non_null(message);
	assert_true(nlmsg_append(message, (void *)&header, sizeof(header), NLMSG_ALIGNTO) == 0);
	assert_true(nl_send_auto(host.route, message) > 0);
	assert_int_equal(host_proxy_add(&host, address("192.168.7.9"), uplink, &err), 0);
	assert_int_equal(namespace_run("ip neigh show proxy | grep -q '^192.168.7.9 dev e0 "
				       "proxy proto 118'"),
			 0);
	assert_int_equal(host_proxy_delete(&host, address("192.168.7.9"), uplink, &err), 0);
	assert_int_equal(namespace_run("! ip neigh show proxy | grep ."), 0);
	/* A missing entry, and an entry of a missing interface, are no errors. */
	assert_int_equal(host_proxy_delete(&host, address("192.168.7.9"), uplink, &err), 0);
	assert_int_equal(host_proxy_delete(&host, address("192.168.7.9"),
					   (struct interface_id){ "gone", 4711 }, &err),
			 0);
	nl_socket_free(host.route);
}

static void test_lost_answer(void **state)
{
	namespace_test(lost_answer);
}

static void tap_comes_and_goes(void)
{
	struct host host = host_here();
	struct error err = { 0 };
	const struct ether_addr mac = { { 2, 0, 0, 0, 0, 7 } };
	struct interface_id tap = { "vmr-x", 0 };
	int fds[2] = { -1, -1 };
	unsigned int ifindex = 0;

	assert_int_equal(host_tap_add(&host, "vmr-x", 2, true, fds, &ifindex, &err), 0);
	assert_int_equal(ifindex, if_nametoindex("vmr-x"));
	assert_true(fds[0] >= 0 && fds[1] >= 0);
	tap.ifindex = ifindex;
	assert_int_equal(host_link_up(&host, tap, &mac, 1400, &err), 0);
	assert_int_equal(namespace_run("ip link show vmr-x | grep -q 'UP.*mtu 1400' && "
				       "ip link show vmr-x | grep -q 02:00:00:00:00:07 && "
				       "ip link show vmr-x | grep -q 'alias vmrun'"),
			 0);
	assert_int_equal(host_route_add(&host, address("192.168.7.9"), tap, &err), 0);
	assert_int_equal(namespace_run("ip route show proto 118 | "
				       "grep -q '^192.168.7.9 dev vmr-x scope link'"),
			 0);
	/* A route is never replaced. */
	assert_int_equal(host_route_add(&host, address("192.168.7.9"), tap, &err), -EEXIST);
	/* The tap is deleted while a process holds a descriptor of it. */
	assert_int_equal(host_link_delete(&host, tap, &err), 0);
	assert_int_equal(if_nametoindex("vmr-x"), 0);
	assert_int_equal(host_link_delete(&host, tap, &err), 0);
	close(fds[0]);
	close(fds[1]);
	nl_socket_free(host.route);
}

static void test_tap_comes_and_goes(void **state)
{
	namespace_test(tap_comes_and_goes);
}

/* A process that executes requests, and a host whose changes it makes. */
static struct host host_of_maker(void)
{
	struct host host = host_here();
	struct error err = { 0 };
	int sockets[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	if (fork() == 0) {
		close(sockets[0]);
		_exit(maker_run(sockets[1], &err) < 0);
	}
	close(sockets[1]);
	host.maker = sockets[0];
	return host;
}

/* Changes that nobody waits for are all made, in their order; the first error is reported. */
static void ahead(void)
{
	struct host host = host_of_maker();
	const struct sysctl forwarding = { "ipv4/conf", "vmr-x", "forwarding" };
	const struct sysctl none = { "ipv4/conf", "vmr-x", "rp_filter" };
	const struct interface_id uplink = { "e0", if_nametoindex("e0") };
	struct interface_id tap = { "vmr-x", 0 };
	struct error err = { 0 };
	int fd = -1, value = 0, ret = 0;

	assert_int_equal(host_tap_add(&host, "vmr-x", 1, false, &fd, &tap.ifindex, &err), 0);
	assert_int_equal(host_link_up(&host, tap, &(struct ether_addr){ { 2 } }, 1500, &err), 0);
	host_ahead(&host);
	for (int i = 0; i < 2; i++)
		assert_int_equal(host_route_add(&host, address("192.168.7.9"), tap, &err), 0);
	for (int i = 100; ret == 0 && i > 0; i--)
		ret = host_sysctl(&host, &forwarding, i % 2, &err);
	/* The maker was at most 32 changes behind. */
	assert_int_equal(ret, -EEXIST);
	assert_int_equal(err.code, EEXIST);
	assert_int_equal(host_settle(&host, &err), 0);
	assert_int_equal(maker_call_due(), 0);
	assert_int_equal(sysctl_read(&forwarding, &value, &err), 0);
	assert_int_equal(value, 1);

	/* A change that has an answer waits for those before it, and is not made if one failed. */
	host_ahead(&host);
	assert_int_equal(host_sysctl(&host, &none, 2, &err), 0);
	assert_int_equal(host_route_add(&host, address("192.168.7.9"), tap, &err), 0);
	assert_int_equal(host_proxy_add(&host, address("192.168.7.9"), uplink, &err), -EEXIST);
	assert_int_equal(query_proxy(host.route, address("192.168.7.9"), uplink.ifindex), 0);
	assert_int_equal(host_settle(&host, &err), 0);
	assert_int_equal(host_route_add(&host, address("192.168.7.9"), tap, &err), -EEXIST);

	/* A tap that is down has no route; a deleted one is gone while the maker waits. */
	assert_int_equal(host_link_down(&host, tap, &err), 0);
	assert_int_equal(namespace_run("! ip route show proto 118 | grep ."), 0);
	assert_int_equal(host_link_delete_soon(&host, tap, &err), 0);
	assert_int_equal(if_nametoindex("vmr-x"), 0);
	assert_int_equal(maker_call_due(), 1);
	assert_int_equal(host_link_down(&host, tap, &err), 0);
	assert_int_equal(host_link_delete_soon(&host, tap, &err), 0);
	assert_int_equal(maker_call_due(), 0);
	/* A maker that has ended. */
	close(fd);
	close(host.maker);
	host.maker = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_true(host_link_delete_soon(&host, tap, &err) < 0);
	close(host.maker);
	nl_socket_free(host.route);
}

static void test_ahead(void **state)
{
	namespace_test(ahead);
}

/* A client can forbid the helper to fork; the tap is deleted all the same. */
static void fork_refused(void)
{
	const struct rlimit none = { 0, 4096 }, many = { 4096, 4096 };
	struct host host = host_here();
	struct error err = { 0 };
	int fds[1] = { -1 };
	unsigned int ifindex = 0;

	assert_int_equal(host_tap_add(&host, "vmr-x", 1, false, fds, &ifindex, &err), 0);
	/* A process with these two capabilities has no such limit. */
	assert_int_equal(namespace_drop_resource_rights(), 0);
	assert_int_equal(setrlimit(RLIMIT_NPROC, &none), 0);
	assert_int_equal(fork(), -1);
	assert_int_equal(host_link_delete(&host, (struct interface_id){ "vmr-x", ifindex }, &err),
			 0);
	assert_int_equal(if_nametoindex("vmr-x"), 0);
	/* The sanitizers need this at the end. */
	assert_int_equal(setrlimit(RLIMIT_NPROC, &many), 0);
	close(fds[0]);
	nl_socket_free(host.route);
}

static void test_fork_refused(void **state)
{
	namespace_test(fork_refused);
}

/* An existing interface of any kind is never taken over. */
static void tap_never_adopts(void)
{
	struct error err = { 0 };
	int fds[1] = { -1 };

	assert_int_equal(namespace_run("ip tuntap add dev vmr-y mode tap"), 0);
	assert_int_equal(tap_open("vmr-y", 1, false, fds, &err), -EBUSY);
	assert_string_equal(err.message, "cannot create tap 'vmr-y': Device or resource busy");
	assert_non_null(strstr(err.remedy, "ip link delete vmr-y"));
	assert_int_equal(fds[0], -1);
	assert_int_equal(tap_open("e0", 1, false, fds, &err), -EBUSY);
}

static void test_tap_never_adopts(void **state)
{
	namespace_test(tap_never_adopts);
}

static void tap_without_descriptors(void)
{
	const struct rlimit few = { 8, 8 };
	struct error err = { 0 };
	int fds[8] = { -1, -1, -1, -1, -1, -1, -1, -1 };
	unsigned int open = namespace_count_fds();

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(tap_open("vmr-z", 8, true, fds, &err), -EMFILE);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		assert_int_equal(fds[i], -1);
	assert_int_equal(namespace_count_fds(), open);
	assert_int_equal(if_nametoindex("vmr-z"), 0);
}

static void test_tap_without_descriptors(void **state)
{
	namespace_test(tap_without_descriptors);
}

struct said {
	char text[2048];
};

static void keep(const char *command, void *context)
{
	struct said *said = context;

	strncat(said->text, command, sizeof(said->text) - strlen(said->text) - 1);
	strncat(said->text, "\n", sizeof(said->text) - strlen(said->text) - 1);
}

/* Reports each change as a person would type it, and makes none. */
static void dry_run(void)
{
	struct said said = { "" };
	struct host host = { .dry_run = true, .report = keep, .context = &said };
	const struct interface_id uplink = { "e0", if_nametoindex("e0") };
	const struct sysctl sysctl = { "ipv4/conf", "e0", "forwarding" };
	struct interface_id tap = { "vmr-x", 0 };
	const struct ether_addr mac = { { 2, 0, 0, 0, 0, 7 } };
	struct error err = { 0 };
	unsigned int ifindex = 1;
	int fds[2] = { -1, -1 };

	assert_int_equal(host_tap_add(&host, "vmr-x", 2, true, fds, &ifindex, &err), 0);
	assert_int_equal(ifindex, 0);
	assert_int_equal(fds[0], -1);
	assert_int_equal(host_sysctl(&host, &sysctl, 1, &err), 0);
	assert_int_equal(host_link_up(&host, tap, &mac, 1500, &err), 0);
	assert_int_equal(host_route_add(&host, address("192.168.7.9"), tap, &err), 0);
	assert_int_equal(host_proxy_add(&host, address("192.168.7.9"), uplink, &err), 0);
	assert_int_equal(host_proxy_delete(&host, address("192.168.7.9"), uplink, &err), 0);
	assert_int_equal(host_link_delete(&host, tap, &err), 0);
	assert_string_equal(said.text,
			    "ip tuntap add dev vmr-x mode tap user root vnet_hdr multi_queue\n"
			    "sysctl -w net.ipv4.conf.e0.forwarding=1\n"
			    "ip link set dev vmr-x address 02:00:00:00:00:07 alias vmrun "
			    "mtu 1500 up\n"
			    "ip route add 192.168.7.9/32 dev vmr-x proto 118\n"
			    "ip neigh replace proxy 192.168.7.9 dev e0 nud permanent protocol 118\n"
			    "ip neigh delete proxy 192.168.7.9 dev e0\n"
			    "ip link delete dev vmr-x\n");
	assert_int_equal(namespace_run("! ip link show vmr-x 2>/dev/null && "
				       "! ip neigh show proxy | grep . && "
				       "! ip route show proto 118 | grep . && "
				       "[ $(cat /proc/sys/net/ipv4/conf/e0/forwarding) = 0 ]"),
			 0);
}

static void test_dry_run(void **state)
{
	namespace_test(dry_run);
}

/* The list has the station that answered, and none that did not or is on another interface. */
static void neighbours(void)
{
	struct host host = host_here();
	struct address_set set = { 0 };
	struct error err = { 0 };

	assert_int_equal(
		namespace_run("ip neigh add 192.168.7.20 lladdr 02:00:00:00:00:20 dev e0 && "
			      "ip neigh add 192.168.7.21 lladdr 02:00:00:00:00:21 dev e0 "
			      "nud stale && "
			      "ip neigh add 192.168.7.22 dev e0 nud failed && "
			      "ip neigh add 192.168.7.23 lladdr 02:00:00:00:00:23 dev e0-p && "
			      "ip neigh add proxy 192.168.7.24 dev e0 && "
			      "ip neigh add fe80::25 lladdr 02:00:00:00:00:25 dev e0"),
		0);
	assert_int_equal(neighbour_list(host.route, if_nametoindex("e0"), false, &set, &err), 0);
	assert_int_equal(set.count, 2);
	assert_true(address_set_has(&set, address("192.168.7.20")));
	assert_true(address_set_has(&set, address("192.168.7.21")));
	address_set_done(&set);
	/* The permanent ones only. */
	assert_int_equal(neighbour_list(host.route, if_nametoindex("e0"), true, &set, &err), 0);
	assert_int_equal(set.count, 1);
	assert_true(address_set_has(&set, address("192.168.7.20")));
	address_set_done(&set);
	nl_socket_free(host.route);
}

static void test_neighbours(void **state)
{
	namespace_test(neighbours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_too_few_descriptors),
		cmocka_unit_test(test_lost_answer),
		cmocka_unit_test(test_tap_comes_and_goes),
		cmocka_unit_test(test_ahead),
		cmocka_unit_test(test_fork_refused),
		cmocka_unit_test(test_tap_never_adopts),
		cmocka_unit_test(test_tap_without_descriptors),
		cmocka_unit_test(test_dry_run),
		cmocka_unit_test(test_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
