// SPDX-License-Identifier: GPL-2.0-or-later
// Tests attachments on a LAN of network namespaces: made, refused, undone.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/kernel/netns.h"
#include "netsetup/lease/lease_dir.h"
#include "netsetup/session/attachment.h"
#include "tests/unit/support/namespace.h"

static struct in_addr address(const char *text)
{
	struct in_addr parsed;

	assert_true(ipv4_parse(text, &parsed));
	return parsed;
}

static void assert_address(struct in_addr is, const char *text)
{
	char buffer[IPV4_TEXT_SIZE];

	assert_string_equal(ipv4_text(is, buffer), text);
}

static struct host host_here(void)
{
	struct host host = { .arp = -1 };
	struct error err = { 0 };

	assert_int_equal(netlink_open(NETLINK_ROUTE, &host.route, &err), 0);
	return host;
}

/* A request without probes, so that a test needs no second. */
static struct setup_record setup_for(const char *name)
{
	struct setup_record setup;

	protocol_record_init(&setup, RECORD_SETUP);
	snprintf(setup.name, sizeof(setup.name), "%s", name);
	memset(setup.uuid, name[0], sizeof(setup.uuid));
	setup.queues = 1;
	setup.probe = PROBE_NONE;
	return setup;
}

static struct setup_record setup_at(const char *name, const char *text)
{
	struct setup_record setup = setup_for(name);

	setup.address = address(text);
	return setup;
}

static void make(struct attachment *attachment, struct host *host, const struct setup_record *setup)
{
	struct error err = { 0 };

	assert_int_equal(protocol_setup_check(setup, &err), 0);
	attachment_init(attachment, setup, host);
	if (attachment_make(attachment, &err) < 0)
		fail_msg("%s\n%s", err.message, err.remedy);
}

/* Undoes all; the packet socket is the process's until its end. */
static void undo(struct attachment *attachment)
{
	struct error err = { 0 };

	if (attachment_undo(attachment, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(attachment_undo(attachment, &err), 0);
	close(attachment->host.arp);
}

static void whole(void)
{
	cleanup_free char *before = namespace_state();
	struct host host = host_here();
	unsigned int fds = namespace_count_fds();
	struct setup_record setup = setup_at("web", "192.168.7.9");
	struct attachment attachment;

	assert_int_equal(namespace_run("ip link set e0 mtu 1400"), 0);
	setup.queues = 4;
	setup.offload = 1;
	make(&attachment, &host, &setup);
	assert_int_equal(attachment.queues, 4);
	for (size_t i = 0; i < QUEUES_MAX; i++) {
		assert_int_equal(attachment.tap_fds[i] >= 0, i < 4);
		if (i < 4)
			assert_int_equal(fcntl(attachment.tap_fds[i], F_GETFD), FD_CLOEXEC);
	}
	assert_int_equal(
		namespace_run(
			"set -e; ip link show vmr-web | grep -q 'UP.*mtu 1400'; "
			"ip -d link show vmr-web | grep -q 'tun type tap.*vnet_hdr on.*persist "
			"off'; "
			"[ -z \"$(ip addr show vmr-web | grep inet)\" ]; "
			"[ \"$(ip route show proto 118)\" = '192.168.7.9 dev vmr-web scope link ' "
			"]; "
			"ip neigh show proxy | grep -q '^192.168.7.9 dev e0 proxy proto 118'; "
			"cd /proc/sys/net; "
			"[ $(cat ipv4/conf/vmr-web/forwarding ipv4/conf/vmr-web/proxy_arp "
			"ipv4/conf/vmr-web/rp_filter ipv6/conf/vmr-web/disable_ipv6 "
			"ipv4/neigh/vmr-web/proxy_delay ipv4/conf/e0/forwarding "
			"ipv4/neigh/e0/proxy_delay ipv4/ip_forward ipv4/conf/e0/proxy_arp | "
			"tr -d '\\n') = 111101000 ]"),
		0);
	undo(&attachment);
	assert_int_equal(namespace_run("ip link set e0 mtu 1500"), 0);
	assert_true(namespace_unchanged(before));
	assert_int_equal(namespace_count_fds(), fds);
	nl_socket_free(host.route);
}

static void test_whole(void **state)
{
	namespace_test(whole);
}

/* A process holds the tap, as QEMU does. */
static void held(void)
{
	cleanup_free char *before = namespace_state();
	struct host host = host_here();
	struct setup_record setup = setup_for("web");
	struct attachment attachment;
	int held;

	make(&attachment, &host, &setup);
	held = fcntl(attachment.tap_fds[0], F_DUPFD_CLOEXEC, 0);
	undo(&attachment);
	assert_true(namespace_unchanged(before));
	close(held);
	nl_socket_free(host.route);
}

static void test_held(void **state)
{
	namespace_test(held);
}

/* A refused request, the error's code and the beginning of its message. */
struct refusal {
	const char *script;
	void (*change)(struct setup_record *setup);
	int ret;
	enum exit_status status;
	const char *message;
};

#define CHANGE(name, statement)                      \
	static void name(struct setup_record *setup) \
	{                                            \
		statement;                           \
	}

CHANGE(outside, setup->address = address("192.168.8.9"))
CHANGE(broadcast, setup->address = address("192.168.7.255"))
CHANGE(network, setup->address = address("192.168.7.0"))
CHANGE(hosts, setup->address = address("192.168.7.5"))
CHANGE(second, setup->address = address("192.168.7.6"))
CHANGE(router, setup->address = address("192.168.7.1"))
CHANGE(gateway, setup->address = setup->gateway = address("192.168.7.2");
       setup->gateway_mode = GATEWAY_ADDRESS)
CHANGE(server, setup->address = setup->dns[0] = address("192.168.7.3"); setup->dns_count = 1)
CHANGE(far_gateway, setup->gateway = address("10.0.0.1"); setup->gateway_mode = GATEWAY_ADDRESS)
CHANGE(far_range, setup->range_first = address("10.0.0.1"); setup->range_last = address("10.0.0.9"))
CHANGE(full_range, setup->range_first = setup->range_last = setup->dns[0] = address("192.168.7.3");
       setup->dns_count = 1)
CHANGE(other_uplink, strcpy(setup->uplink, "wlan7"))
CHANGE(down_uplink, strcpy(setup->uplink, "e0-p"))
CHANGE(squatted, setup->address = address("192.168.7.77"); setup->probe = PROBE_NORMAL)
CHANGE(nothing, )

#define SQUATTER                                                                    \
	"mkdir -p /run/netns && ip netns add far && ip link set e0-p netns far && " \
	"ip -n far link set e0-p address 02:00:00:00:00:77 up && "                  \
	"ip -n far addr add 192.168.7.77/24 dev e0-p"

static const struct refusal refusals[] = {
	{ "true", outside, -EADDRNOTAVAIL, STATUS_NETWORK,
	  "address 192.168.8.9 is not a host's address in 192.168.7.0/24, the subnet of uplink "
	  "'e0'" },
	{ "true", broadcast, -EADDRNOTAVAIL, STATUS_NETWORK, "address 192.168.7.255 is not" },
	{ "true", network, -EADDRNOTAVAIL, STATUS_NETWORK, "address 192.168.7.0 is not" },
	{ "true", hosts, -EADDRINUSE, STATUS_NETWORK, "address 192.168.7.5 is this host's" },
	{ "ip addr add 192.168.7.6/24 dev e0", second, -EADDRINUSE, STATUS_NETWORK,
	  "address 192.168.7.6 is this host's" },
	{ "ip addr add 192.168.7.6/32 dev lo", second, -EADDRINUSE, STATUS_NETWORK,
	  "address 192.168.7.6 is this host's" },
	{ "true", router, -EADDRINUSE, STATUS_NETWORK, "address 192.168.7.1 is the router's" },
	{ "true", gateway, -EADDRINUSE, STATUS_NETWORK, "address 192.168.7.2 is the gateway's" },
	{ "true", server, -EADDRINUSE, STATUS_NETWORK, "address 192.168.7.3 is a DNS server's" },
	{ "true", far_gateway, -EADDRNOTAVAIL, STATUS_NETWORK, "gateway 10.0.0.1 is not in" },
	{ "true", far_range, -EADDRNOTAVAIL, STATUS_NETWORK,
	  "range 10.0.0.1-10.0.0.9 has no host's address in 192.168.7.0/24" },
	{ "true", full_range, -EADDRNOTAVAIL, STATUS_NETWORK,
	  "no free address from 192.168.7.3 to 192.168.7.3 in 192.168.7.0/24 on 'e0'" },
	{ "true", other_uplink, -ENODEV, STATUS_NETWORK, "uplink 'wlan7' does not exist" },
	{ "ip link set e0-p down", down_uplink, -ENODEV, STATUS_NETWORK,
	  "cannot use uplink 'e0-p': down" },
	{ SQUATTER, squatted, -EADDRINUSE, STATUS_NETWORK,
	  "address 192.168.7.77 is in use by 02:00:00:00:00:77 on 'e0'" },
	{ "ip tuntap add dev vmr-web mode tap", nothing, -EBUSY, STATUS_FAILURE,
	  "cannot create tap 'vmr-web': Device or resource busy" },
	{ "mkdir -m 777 /run/vmrun && chmod 777 /run/vmrun", nothing, -EPERM, STATUS_PERMISSION,
	  "'/run/vmrun' is open to other users" },
	{ "ip route add 192.168.7.9/32 dev lo", nothing, -EEXIST, STATUS_NETWORK,
	  "address 192.168.7.9 already has a route of another program, through 'lo'" },
	{ "ip route add 192.168.7.9/32 dev lo proto 118", nothing, -EEXIST, STATUS_FAILURE,
	  "cannot add a route to 192.168.7.9 through 'vmr-web': File exists" },
};

static const struct refusal *refusal_now;

static void refused(void)
{
	struct host host = host_here();
	struct setup_record setup = setup_at("web", "192.168.7.9");
	struct error err = { 0 };
	cleanup_free char *before = NULL;
	unsigned int fds;
	struct attachment attachment;
	int ret;

	assert_int_equal(namespace_run(refusal_now->script), 0);
	before = namespace_state();
	fds = namespace_count_fds();
	if (refusal_now->change == far_range || refusal_now->change == full_range)
		setup.address.s_addr = INADDR_ANY;
	refusal_now->change(&setup);
	attachment_init(&attachment, &setup, &host);
	ret = attachment_make(&attachment, &err);
	if (ret != refusal_now->ret ||
	    strncmp(err.message, refusal_now->message, strlen(refusal_now->message)) != 0)
		fail_msg("%d %s", ret, err.message);
	assert_int_equal(err.code, -ret);
	assert_int_equal(err.status, refusal_now->status);
	undo(&attachment);
	assert_true(namespace_unchanged(before));
	/* undo() closed the packet socket if there was one. */
	assert_int_equal(namespace_count_fds(), fds);
	nl_socket_free(host.route);
}

static void test_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		refusal_now = &refusals[i];
		namespace_test(refused);
	}
}

/* Two VMs on one uplink get the only two addresses; a third finds none. */
static void two(void)
{
	cleanup_free char *before = namespace_state();
	struct host host = host_here();
	struct setup_record setups[] = { setup_for("one"), setup_for("two"), setup_for("red") };
	struct attachment attachments[3];
	struct error err = { 0 };

	for (size_t i = 0; i < 3; i++) {
		setups[i].range_first = address("192.168.7.20");
		setups[i].range_last = address("192.168.7.21");
	}
	make(&attachments[0], &host, &setups[0]);
	make(&attachments[1], &host, &setups[1]);
	assert_false(ipv4_equal(attachment_address(&attachments[0]),
				attachment_address(&attachments[1])));
	attachment_init(&attachments[2], &setups[2], &host);
	assert_int_equal(attachment_make(&attachments[2], &err), -EADDRNOTAVAIL);
	undo(&attachments[2]);
	undo(&attachments[0]);
	assert_int_equal(namespace_run("cd /proc/sys/net/ipv4 && [ $(cat conf/e0/forwarding "
				       "neigh/e0/proxy_delay | tr -d '\\n') = 10 ]"),
			 0);
	undo(&attachments[1]);
	assert_true(namespace_unchanged(before));
	nl_socket_free(host.route);
}

static void test_two(void **state)
{
	namespace_test(two);
}

/* The second VM of a name is refused, whatever else it requests, and the first one stays. */
static void same_name(void)
{
	struct host host = host_here();
	struct setup_record setup = setup_at("web", "192.168.7.9");
	cleanup_free char *before = NULL;
	struct attachment first, second;
	struct error err = { 0 };

	make(&first, &host, &setup);
	before = namespace_state();
	attachment_init(&second, &setup, &host);
	assert_int_equal(attachment_make(&second, &err), -EEXIST);
	assert_non_null(strstr(err.message, "VM 'web' is already running: pid 0, 192.168.7.9"));
	undo(&second);
	setup.address = address("192.168.7.10");
	attachment_init(&second, &setup, &host);
	assert_int_equal(attachment_make(&second, &err), -EEXIST);
	undo(&second);
	assert_true(namespace_unchanged(before));
	setup = setup_at("other", "192.168.7.9");
	attachment_init(&second, &setup, &host);
	assert_int_equal(attachment_make(&second, &err), -EADDRINUSE);
	assert_string_equal(err.message,
			    "address 192.168.7.9 is in use by another VM of this host");
	undo(&second);
	assert_true(namespace_unchanged(before));
	undo(&first);
	nl_socket_free(host.route);
}

static void test_same_name(void **state)
{
	namespace_test(same_name);
}

/* An automatic address is the same each time, and the remembered one if it is free. */
static void chosen(void)
{
	struct host host = host_here();
	struct setup_record setup = setup_for("web");
	struct in_addr first;
	struct attachment attachment;

	make(&attachment, &host, &setup);
	first = attachment_address(&attachment);
	undo(&attachment);
	make(&attachment, &host, &setup);
	assert_true(ipv4_equal(attachment_address(&attachment), first));
	undo(&attachment);

	setup.remembered[0] = address("10.0.0.7");
	setup.remembered[1] = address("192.168.7.99");
	setup.remembered[2] = address("192.168.7.98");
	make(&attachment, &host, &setup);
	assert_address(attachment_address(&attachment), "192.168.7.99");
	undo(&attachment);

	/* A remembered address is not used if it is taken or outside of the range. */
	setup.remembered[1] = address("192.168.7.5");
	make(&attachment, &host, &setup);
	assert_true(ipv4_equal(attachment_address(&attachment), first));
	undo(&attachment);
	setup.remembered[1] = address("192.168.7.99");
	setup.range_first = address("192.168.7.40");
	setup.range_last = address("192.168.7.50");
	make(&attachment, &host, &setup);
	assert_in_range(ntohl(attachment_address(&attachment).s_addr) & 0xff, 40, 50);
	undo(&attachment);
	setup.remembered[1] = address("192.168.7.39");
	make(&attachment, &host, &setup);
	assert_in_range(ntohl(attachment_address(&attachment).s_addr) & 0xff, 40, 50);
	undo(&attachment);
	nl_socket_free(host.route);
}

static void test_chosen(void **state)
{
	namespace_test(chosen);
}

/* All but one of a small subnet are taken: by an answer to ARP, as a neighbour, as the host's. */
static void last_free(void)
{
	struct host host = host_here();
	struct setup_record setup = setup_for("web");
	struct attachment attachment;

	assert_int_equal(namespace_run(SQUATTER
				       " && ip -n far addr flush dev e0-p && "
				       "ip addr flush dev e0 && "
				       "ip addr add 192.168.7.1/29 dev e0 && "
				       "ip route add default via 192.168.7.2 && "
				       "ip addr add 192.168.7.3/29 dev e0 && "
				       "ip -n far addr add 192.168.7.4/29 dev e0-p && "
				       "ip neigh add 192.168.7.5 lladdr 02:00:00:00:00:05 dev e0"),
			 0);
	setup.probe = PROBE_NORMAL;
	setup.remembered[0] = address("192.168.7.4");
	/* The order of the candidates does not matter. */
	for (int i = 0; i < 4; i++) {
		memset(setup.uuid, i, sizeof(setup.uuid));
		make(&attachment, &host, &setup);
		assert_address(attachment_address(&attachment), "192.168.7.6");
		undo(&attachment);
	}
	nl_socket_free(host.route);
}

static void test_last_free(void **state)
{
	namespace_test(last_free);
}

/* Another program may have undone any part before. */
static void undone_before(void)
{
	static const char *const scripts[] = {
		"ip link del vmr-web",
		"ip neigh del proxy 192.168.7.9 dev e0",
		"ip route del 192.168.7.9",
		"ip link set e0 down && ip link set e0 up && "
		"ip route replace default via 192.168.7.1",
		"rm -r /run/vmrun && echo 0 >/proc/sys/net/ipv4/conf/e0/forwarding && "
		"echo 80 >/proc/sys/net/ipv4/neigh/e0/proxy_delay",
	};
	cleanup_free char *before = namespace_state();
	struct host host = host_here();
	struct setup_record setup = setup_at("web", "192.168.7.9");
	struct attachment attachment;

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		make(&attachment, &host, &setup);
		assert_int_equal(namespace_run(scripts[i]), 0);
		undo(&attachment);
		if (!namespace_unchanged(before))
			fail_msg("%s", scripts[i]);
	}
	/* The uplink was unplugged. */
	make(&attachment, &host, &setup);
	assert_int_equal(namespace_run("ip link del e0"), 0);
	undo(&attachment);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
	assert_int_equal(if_nametoindex("vmr-web"), 0);
	nl_socket_free(host.route);
}

static void test_undone_before(void **state)
{
	namespace_test(undone_before);
}

/* A shared value that another program has set meanwhile is not restored. */
static void changed_meanwhile(void)
{
	struct host host = host_here();
	struct setup_record setup = setup_at("web", "192.168.7.9");
	struct attachment attachment;

	make(&attachment, &host, &setup);
	assert_int_equal(namespace_run("echo 40 >/proc/sys/net/ipv4/neigh/e0/proxy_delay"), 0);
	undo(&attachment);
	assert_int_equal(namespace_run("cd /proc/sys/net/ipv4 && [ $(cat conf/e0/forwarding "
				       "neigh/e0/proxy_delay | tr -d '\\n') = 040 ]"),
			 0);
	nl_socket_free(host.route);
}

static void test_changed_meanwhile(void **state)
{
	namespace_test(changed_meanwhile);
}

/* The attachment of a killed helper is removed by the next start or end of a VM. */
static void killed(void)
{
	cleanup_free char *before = namespace_state();
	struct host host = host_here();
	struct setup_record setup = setup_at("web", "192.168.7.9");
	struct setup_record other = setup_at("other", "192.168.7.10");
	struct attachment attachment;
	pid_t child;

	for (int again = 0; again < 2; again++) {
		child = fork();
		if (child == 0) {
			struct host own = host_here();

			make(&attachment, &own, &setup);
			raise(SIGKILL);
		}
		assert_int_equal(namespace_wait(child), 128 + SIGKILL);
		/* The kernel removed the tap with its route and its values. */
		assert_int_equal(namespace_run("[ $(ls /run/vmrun/* | wc -l) = 2 ] && "
					       "ip neigh show proxy | grep -q 192.168.7.9 && "
					       "! ip link show vmr-web 2>/dev/null"),
				 0);
		make(&attachment, &host, again ? &other : &setup);
		assert_int_equal(namespace_run("[ $(ip neigh show proxy | wc -l) = 1 ]"), 0);
		undo(&attachment);
		assert_true(namespace_unchanged(before));
	}
	nl_socket_free(host.route);
}

static void test_killed(void **state)
{
	namespace_test(killed);
}

/* Publishing again makes what is missing, and only that. */
static void published_again(void)
{
	cleanup_free char *made = NULL;
	struct host host = host_here();
	struct setup_record setup = setup_at("web", "192.168.7.9");
	struct error err = { 0 };
	struct attachment attachment;

	make(&attachment, &host, &setup);
	made = namespace_state();
	assert_int_equal(attachment_publish(&attachment, &err), 0);
	assert_true(namespace_unchanged(made));
	assert_int_equal(namespace_run("ip neigh del proxy 192.168.7.9 dev e0 && "
				       "ip link set vmr-web down mtu 1300 && "
				       "cd /proc/sys/net/ipv4/conf && echo 0 >vmr-web/proxy_arp && "
				       "echo 0 >vmr-web/rp_filter && echo 0 >vmr-web/forwarding && "
				       "echo 0 >e0/forwarding"),
			 0);
	assert_int_equal(attachment_publish(&attachment, &err), 0);
	assert_true(namespace_unchanged(made));
	undo(&attachment);
	nl_socket_free(host.route);
}

static void test_published_again(void **state)
{
	namespace_test(published_again);
}

/* Another helper adopts a running VM's tap, and undoes all of it in the end. */
static void adopted(void)
{
	cleanup_free char *before = namespace_state();
	cleanup_free char *made = NULL;
	struct host host = host_here();
	struct setup_record setup = setup_at("web", "192.168.7.9");
	struct error err = { 0 };
	int fds[2];
	struct attachment attachment;

	setup.queues = 2;
	make(&attachment, &host, &setup);
	made = namespace_state();
	fds[0] = fcntl(attachment.tap_fds[0], F_DUPFD_CLOEXEC, 0);
	fds[1] = fcntl(attachment.tap_fds[1], F_DUPFD_CLOEXEC, 0);
	/* The end of a helper does the same. */
	close(attachment.tap_fds[0]);
	close(attachment.tap_fds[1]);
	close(attachment.lease.fd);
	close(attachment.host.arp);
	setup.remembered[0] = address("192.168.7.9");
	attachment_init(&attachment, &setup, &host);
	if (attachment_adopt(&attachment, fds, 2, &err) < 0)
		fail_msg("%s", err.message);
	assert_address(attachment_address(&attachment), "192.168.7.9");
	assert_true(namespace_unchanged(made));
	undo(&attachment);
	assert_true(namespace_unchanged(before));
	nl_socket_free(host.route);
}

static void test_adopted(void **state)
{
	namespace_test(adopted);
}

/* A descriptor that is no tap of this VM is refused and closed; a running VM stays as it is. */
static void adopted_by_trick(void)
{
	struct host host = host_here();
	struct setup_record setup = setup_at("web", "192.168.7.9");
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI, .ifr_name = "vmr-web" };
	cleanup_free char *made = NULL;
	struct error err = { 0 };
	struct attachment attachment, hostile;
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int fds[2], elsewhere, again;
	unsigned int count;

	make(&attachment, &host, &setup);
	made = namespace_state();
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	elsewhere = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	assert_int_equal(ioctl(elsewhere, TUNSETIFF, &ifr), 0);
	assert_int_equal(setns(here, CLONE_NEWNET), 0);
	again = fcntl(elsewhere, F_DUPFD_CLOEXEC, 0);
	count = namespace_count_fds();

	setup.remembered[0] = address("192.168.7.9");
	fds[0] = elsewhere;
	attachment_init(&hostile, &setup, &host);
	assert_int_equal(attachment_adopt(&hostile, fds, 1, &err), -EINVAL);
	undo(&hostile);
	assert_int_equal(namespace_count_fds(), count - 1);
	fds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	fds[1] = again;
	attachment_init(&hostile, &setup, &host);
	assert_int_equal(attachment_adopt(&hostile, fds, 2, &err), -EINVAL);
	undo(&hostile);
	assert_int_equal(namespace_count_fds(), count - 2);
	assert_true(namespace_unchanged(made));
	undo(&attachment);
	nl_socket_free(host.route);
}

static void test_adopted_by_trick(void **state)
{
	namespace_test(adopted_by_trick);
}

struct said {
	unsigned int count;
	char last[CHANGE_TEXT_SIZE];
};

static void keep(const char *command, void *context)
{
	struct said *said = context;

	said->count++;
	snprintf(said->last, sizeof(said->last), "%s", command);
}

static void dry_run(void)
{
	cleanup_free char *before = namespace_state();
	struct said said = { 0 };
	struct host host = host_here();
	struct setup_record setup = setup_for("web");
	unsigned int fds = namespace_count_fds();
	struct attachment attachment;

	setup.dry_run = 1;
	host.dry_run = true;
	host.report = keep;
	host.context = &said;
	make(&attachment, &host, &setup);
	assert_int_equal(attachment.queues, 0);
	assert_false(ipv4_unset(attachment_address(&attachment)));
	assert_int_equal(said.count, 1 + 5 + 2 + 1 + 1 + 1 + 2 + 1);
	assert_int_equal(strncmp(said.last, "# gratuitous ARP: 192.168.7.", 28), 0);
	assert_true(namespace_unchanged(before));
	undo(&attachment);
	assert_true(namespace_unchanged(before));
	assert_int_equal(namespace_count_fds(), fds);
	nl_socket_free(host.route);
}

static void test_dry_run(void **state)
{
	namespace_test(dry_run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_same_name),
		cmocka_unit_test(test_chosen),
		cmocka_unit_test(test_last_free),
		cmocka_unit_test(test_undone_before),
		cmocka_unit_test(test_changed_meanwhile),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_published_again),
		cmocka_unit_test(test_adopted),
		cmocka_unit_test(test_adopted_by_trick),
		cmocka_unit_test(test_dry_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
