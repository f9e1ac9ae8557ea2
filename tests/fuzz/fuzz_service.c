// SPDX-License-Identifier: GPL-2.0-or-later
// Any conversation of a user with the service: no change beyond the policy, no change of others'.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/clock.h"
#include "netsetup/base/netns.h"
#include "netsetup/confine/capabilities.h"
#include "netsetup/host/foreign_routes.h"
#include "netsetup/kernel/fib_rule.h"
#include "netsetup/kernel/neighbour.h"
#include "netsetup/kernel/network_dump.h"
#include "netsetup/kernel/next_hop.h"
#include "netsetup/kernel/query.h"
#include "netsetup/policy/policy_file.h"
#include "netsetup/service/ask.h"
#include "netsetup/service/client.h"
#include "tests/fuzz/fuzz.h"

/*
 * An input is a sequence of parts, each behind two octets: the kind in the upper two bits, the size
 * in the next 13, and a flag. The host is a table of this file: an input takes microseconds.
 */
enum part_kind {
	PART_RECORD, /* of the client; with a descriptor if it has the flag */
	PART_WORKER, /* a message of a worker that was taken over; with the flag of any size */
	PART_ANSWER, /* the worker's answer to the latest question; an octet for each address */
	PART_HOST,   /* the carrier is lost; with the flag the host gets another address; a firewall
		      * has changed */
};

#define KIND(head) ((enum part_kind)((head) >> 14))
#define SIZE(head) ((size_t)((head) >> 1 & 0x1fff))

#define POLICY "allow user 4242 address 192.168.77.10-192.168.77.20 vms 2\n"
#define USER   4242
#define OTHERS 1000

/* Indices: the uplink has that of "lo", which exists everywhere. */
#define UPLINK     1
#define OTHERS_TAP 50
#define STALE_TAP  51
#define FIRST_TAP  100

static const struct in_addr others = { 0x094da8c0 }; /* 192.168.77.9 */
static const struct ether_addr router_mac = { { 2, 0, 0, 0, 0, 1 } };

/* The host: one VM has one tap, route and proxy entry. */
static struct {
	struct in_addr host;
	uint32_t carrier_changes;
	unsigned int last_tap, tap;
	struct in_addr route, proxy;
	int forwarding, proxy_delay;
	struct fib_rule rules[16];
	struct table_route routes[16];
	size_t rule_count, route_count;
	char others_name[IFNAMSIZ];
} kernel;

static int spare_fd;

/* Of the state's file: a service without a directory can only do dry runs. */
static int state_dir;
static char state_path[] = "/tmp/fuzz_service-XXXXXX";

static int new_fd(void)
{
	return fcntl(spare_fd, F_DUPFD_CLOEXEC, 0);
}

/* The policy's addresses, which are hosts' of the uplink's subnet, and no one else's. */
static void must_permit(struct in_addr address)
{
	const uint32_t number = ntohl(address.s_addr);

	must(number >= 0xc0a84d0a && number <= 0xc0a84d14);
	must(!ipv4_equal(address, kernel.host) && !ipv4_equal(address, others));
}

/* In place of netsetup/host and netsetup/kernel. */

bool host_report(struct host *host, const char *format, ...)
{
	char command[CHANGE_TEXT_SIZE];
	va_list args;

	if (host->report) {
		va_start(args, format);
		vsnprintf(command, sizeof(command), format, args);
		va_end(args);
		host->report(command, host->context);
	}
	return !host->dry_run;
}

/* Here a change is made before its call returns. */
void host_ahead(struct host *host)
{
}

int host_settle(struct host *host, struct error *err)
{
	return 0;
}

int host_tap_add(struct host *host, const char *ifname, unsigned int queues, bool offload, int *fds,
		 unsigned int *ifindex, struct error *err)
{
	*ifindex = 0;
	must(ifname_valid(ifname) && !strncmp(ifname, "vmr-", 4));
	must(strcmp(ifname, kernel.others_name) != 0);
	must(queues >= 1 && queues <= QUEUES_MAX);
	if (!host_report(host, "tap %s", ifname))
		return 0;
	must(!kernel.tap);
	for (unsigned int i = 0; i < queues; i++)
		fds[i] = new_fd();
	kernel.tap = *ifindex = ++kernel.last_tap;
	return 0;
}

int host_link_delete(struct host *host, struct interface_id link, struct error *err)
{
	must(link.ifindex == STALE_TAP || link.ifindex == kernel.tap);
	if (!host_report(host, "delete %s", link.ifname) || link.ifindex == STALE_TAP)
		return 0;
	kernel.tap = 0;
	kernel.route.s_addr = 0;
	return 0;
}

int host_link_delete_soon(struct host *host, struct interface_id link, struct error *err)
{
	return host_link_delete(host, link, err);
}

int host_link_down(struct host *host, struct interface_id link, struct error *err)
{
	must(link.ifindex == STALE_TAP || link.ifindex == kernel.tap);
	if (host_report(host, "down %s", link.ifname) && link.ifindex == kernel.tap)
		kernel.route.s_addr = 0;
	return 0;
}

int host_link_up(struct host *host, struct interface_id link, const struct ether_addr *mac,
		 unsigned int mtu, struct error *err)
{
	must(host->dry_run || link.ifindex == kernel.tap);
	host_report(host, "up %s", link.ifname);
	return 0;
}

int host_sysctl(struct host *host, const struct sysctl *sysctl, int value, struct error *err)
{
	if (!host_report(host, "sysctl %s %s", sysctl->ifname, sysctl->key))
		return 0;
	if (!strcmp(sysctl->ifname, "wlan0") && !strcmp(sysctl->key, "forwarding"))
		kernel.forwarding = value;
	if (!strcmp(sysctl->ifname, "wlan0") && !strcmp(sysctl->key, "proxy_delay"))
		kernel.proxy_delay = value;
	return 0;
}

int host_route_add(struct host *host, struct in_addr address, struct interface_id tap,
		   struct error *err)
{
	must_permit(address);
	must(host->dry_run || tap.ifindex == kernel.tap);
	if (host_report(host, "route %s", tap.ifname))
		kernel.route = address;
	return 0;
}

int host_route_delete(struct host *host, struct in_addr address, struct interface_id tap,
		      struct error *err)
{
	must(tap.ifindex != OTHERS_TAP);
	if (host_report(host, "route delete %s", tap.ifname) && tap.ifindex == kernel.tap &&
	    ipv4_equal(kernel.route, address))
		kernel.route.s_addr = 0;
	return 0;
}

int host_proxy_add(struct host *host, struct in_addr address, struct interface_id uplink,
		   struct error *err)
{
	must_permit(address);
	must(uplink.ifindex == UPLINK);
	if (host_report(host, "proxy %s", uplink.ifname))
		kernel.proxy = address;
	return 0;
}

int host_proxy_delete(struct host *host, struct in_addr address, struct interface_id uplink,
		      struct error *err)
{
	must(!ipv4_equal(address, others));
	if (host_report(host, "proxy delete %s", uplink.ifname) &&
	    ipv4_equal(address, kernel.proxy))
		kernel.proxy.s_addr = 0;
	return 0;
}

/* The tables of the victim are not to be touched. */
int host_rule_add(struct host *host, enum maker_rule kind, struct interface_id link,
		  uint32_t preference, struct error *err)
{
	const uint32_t tables[MAKER_RULES] = { [MAKER_RULE_GUESTS] = GUEST_TABLE,
					       [MAKER_RULE_LOCAL] = RT_TABLE_LOCAL,
					       [MAKER_RULE_TABLE] = TAP_TABLE(link.ifindex) };
	struct fib_rule *rule;

	must(kind < MAKER_RULES && preference >= 1 && preference <= CHANGE_PREFERENCE_MAX);
	must(host->dry_run || link.ifindex == UPLINK || link.ifindex == kernel.tap);
	must(link.ifindex != UPLINK || kind == MAKER_RULE_LOCAL || kind == MAKER_RULE_STOP);
	if (!host_report(host, "rule %s", link.ifname))
		return 0;
	must(kernel.rule_count < ARRAY_SIZE(kernel.rules));
	rule = &kernel.rules[kernel.rule_count++];
	*rule = (struct fib_rule){ .protocol = HOST_PROTOCOL,
				   .preference = preference,
				   .action = kind == MAKER_RULE_STOP ? FR_ACT_BLACKHOLE
								     : FR_ACT_TO_TBL,
				   .table = tables[kind] };
	if (kind != MAKER_RULE_GUESTS)
		snprintf(rule->iifname, sizeof(rule->iifname), "%s", link.ifname);
	return 0;
}

int host_rule_delete(struct host *host, enum maker_rule kind, const struct fib_rule *rule,
		     struct error *err)
{
	must(strcmp(rule->iifname, kernel.others_name) != 0);
	if (!host_report(host, "rule delete"))
		return 0;
	for (size_t i = 0; i < kernel.rule_count; i++)
		if (!memcmp(&kernel.rules[i], rule, sizeof(*rule)))
			kernel.rules[i--] = kernel.rules[--kernel.rule_count];
	return 0;
}

int host_tap_route_add(struct host *host, const struct table_route *route, const char *ifname,
		       struct error *err)
{
	const bool guest = route->table == GUEST_TABLE;

	must(guest || host->dry_run || route->table == TAP_TABLE(kernel.tap));
	must(host->dry_run || route->ifindex == (guest ? kernel.tap : UPLINK));
	if (guest) {
		must(route->to.length == 32);
		must_permit(route->to.address);
	}
	if (!host_report(host, "table %s", ifname))
		return 0;
	must(kernel.route_count < ARRAY_SIZE(kernel.routes));
	kernel.routes[kernel.route_count++] = *route;
	return 0;
}

int host_tap_route_delete(struct host *host, const struct table_route *route, const char *ifname,
			  struct error *err)
{
	must(route->table != TAP_TABLE(OTHERS_TAP) && route->ifindex != OTHERS_TAP);
	if (!host_report(host, "table delete %s", ifname))
		return 0;
	for (size_t i = 0; i < kernel.route_count; i++)
		if (!memcmp(&kernel.routes[i], route, sizeof(*route)))
			kernel.routes[i--] = kernel.routes[--kernel.route_count];
	return 0;
}

int fib_rule_dump(struct nl_sock *sock, struct fib_rules *rules, struct error *err)
{
	*rules = (struct fib_rules){ calloc(ARRAY_SIZE(kernel.rules), sizeof(*rules->list)),
				     kernel.rule_count };
	memcpy(rules->list, kernel.rules, sizeof(kernel.rules));
	return 0;
}

int fib_rule_dump_routes(struct nl_sock *sock, uint8_t protocol, struct table_routes *routes,
			 struct error *err)
{
	*routes = (struct table_routes){
		calloc(ARRAY_SIZE(kernel.routes) + 1, sizeof(*routes->list)), kernel.route_count
	};
	memcpy(routes->list, kernel.routes, sizeof(kernel.routes));
	if (!ipv4_unset(kernel.route))
		routes->list[routes->count++] = (struct table_route){ .table = RT_TABLE_MAIN,
								      .to = { kernel.route, 32 },
								      .ifindex = kernel.tap };
	return 0;
}

void fib_rule_done(struct fib_rules *rules)
{
	free(rules->list);
}

void fib_rule_routes_done(struct table_routes *routes)
{
	free(routes->list);
}

int foreign_routes_list(struct nl_sock *route, unsigned int uplink, struct address_set *set,
			struct error *err)
{
	return 0;
}

int foreign_routes_check(struct nl_sock *route, unsigned int uplink, struct in_addr address,
			 struct error *err)
{
	return 0;
}

int host_arp_socket(struct host *host, struct interface_id uplink, enum promiscuous_mode mode,
		    struct error *err)
{
	must(uplink.ifindex == UPLINK && mode <= PROMISCUOUS_OFF);
	return new_fd();
}

int host_dhcp_socket(struct host *host, struct interface_id tap, struct error *err)
{
	must(tap.ifindex == kernel.tap);
	return new_fd();
}

int host_frame_socket(struct host *host, struct interface_id link, struct error *err)
{
	must(link.ifindex == kernel.tap || (link.ifindex == UPLINK && !host->dry_run));
	return new_fd();
}

int host_table_open(struct host *host, struct interface_id uplink, struct host_table *table,
		    struct error *err)
{
	must(uplink.ifindex == UPLINK);
	*table = (struct host_table){ -1, -1, -1, 0 };
	if (host_report(host, "# nft table %s", uplink.ifname))
		table->owner = new_fd();
	return 0;
}

int host_table_bridge(struct host *host, struct interface_id uplink, struct host_table *table,
		      struct error *err)
{
	must(uplink.ifindex == UPLINK);
	if (!host_report(host, "# nft gate %s", uplink.ifname))
		return 0;
	table->gate = new_fd();
	table->groups = new_fd();
	return 0;
}

int host_table_refresh(struct host *host, struct interface_id uplink, int owner, struct error *err)
{
	must(uplink.ifindex == UPLINK);
	return 0;
}

int host_table_vm(struct host *host, struct interface_id uplink, int owner,
		  const struct table_vm *vm, struct error *err)
{
	must(uplink.ifindex == UPLINK);
	must(host->dry_run || vm->tap.ifindex == kernel.tap);
	must(vm->path == TABLE_ROUTED || vm->path == TABLE_BRIDGED);
	if (!ipv4_unset(vm->address))
		must_permit(vm->address);
	host_report(host, "# nft vm %s", vm->tap.ifname);
	return 0;
}

int host_table_delete(struct host *host, struct interface_id uplink, int owner, struct error *err)
{
	host_report(host, "# nft delete %s", uplink.ifname);
	return 0;
}

int host_table_vm_delete(struct host *host, struct interface_id uplink, int owner,
			 struct interface_id tap, struct error *err)
{
	must(tap.ifindex != OTHERS_TAP);
	host_report(host, "# nft delete vm %s", tap.ifname);
	return 0;
}

int host_table_dump(struct host *host, struct interface_id uplink, int owner,
		    enum table_counted set, struct error *err)
{
	must(uplink.ifindex == UPLINK && set < TABLE_COUNTED);
	return 0;
}

int host_ask_open(struct host *host, struct interface_id tap, struct interface_id uplink,
		  struct in_addr guest, struct in_addr station, int fds[ASK_FDS], struct error *err)
{
	must(!host->dry_run);
	must(tap.ifindex == kernel.tap && uplink.ifindex == UPLINK);
	must_permit(guest);
	must(!ipv4_equal(station, guest) && !ipv4_equal(station, kernel.host) &&
	     !ipv4_equal(station, others));
	for (int i = 0; i < ASK_FDS; i++)
		fds[i] = new_fd();
	return 0;
}

int host_ask_listen(struct host *host, struct error *err)
{
	return new_fd();
}

/* The policy has no word "firewall". */
int host_allow_add(struct host *host, const struct verdict_culprit *culprit, const uint8_t uuid[16],
		   struct interface_id tap, struct interface_id uplink, struct in_addr address,
		   struct error *err)
{
	must(false);
	return 0;
}

int host_allow_delete(struct host *host, const uint8_t uuid[16], struct error *err)
{
	return 0;
}

int host_allow_sweep(struct host *host, struct error *err)
{
	return 0;
}

int neighbour_list(struct nl_sock *route, unsigned int ifindex, bool permanent,
		   struct address_set *set, struct error *err)
{
	return 0;
}

int next_hop_list(struct nl_sock *route, struct address_set *set, struct error *err)
{
	address_set_add(set, (struct in_addr){ htonl(0xc0a84d01) });
	return 0;
}

int query_link(struct nl_sock *route, unsigned int ifindex, struct link_state *state)
{
	*state = (struct link_state){ .up = false };
	return ifindex == kernel.tap ? 0 : -ENODEV;
}

int query_lookup(struct nl_sock *route, struct in_addr address, unsigned int *ifindex,
		 unsigned int *length)
{
	*ifindex = UPLINK;
	*length = 24;
	return 0;
}

int query_proxy(struct nl_sock *route, struct in_addr address, unsigned int ifindex)
{
	return ipv4_equal(kernel.proxy, address);
}

int query_neighbour(struct nl_sock *route, struct in_addr address, unsigned int ifindex,
		    struct ether_addr *mac)
{
	*mac = router_mac;
	return 1;
}

int sysctl_read(const struct sysctl *sysctl, int *value, struct error *err)
{
	if (!strcmp(sysctl->ifname, "wlan0"))
		*value = strcmp(sysctl->key, "forwarding") ? kernel.proxy_delay : kernel.forwarding;
	else
		*value = 7;
	return 0;
}

static struct interface *add_link(struct interfaces *table, unsigned int ifindex,
				  const char *ifname)
{
	struct interface *link = &table->links[table->link_count++];

	*link = (struct interface){ .ifindex = ifindex,
				    .type = ARPHRD_ETHER,
				    .flags = IFF_UP | IFF_RUNNING | 0x10000,
				    .mtu = 1500 };
	snprintf(link->ifname, sizeof(link->ifname), "%s", ifname);
	return link;
}

static void add_tap(struct interfaces *table, unsigned int ifindex, const char *ifname)
{
	struct interface *link = add_link(table, ifindex, ifname);

	strcpy(link->kind, "tun");
	link->ours = true;
}

int network_dump(struct interfaces *table, struct error *err)
{
	*table = (struct interfaces){ .links = calloc(4, sizeof(*table->links)),
				      .addresses = calloc(1, sizeof(*table->addresses)),
				      .routes = calloc(1, sizeof(*table->routes)),
				      .address_count = 1,
				      .route_count = 1 };
	add_link(table, UPLINK, "wlan0")->carrier_changes = kernel.carrier_changes;
	add_tap(table, OTHERS_TAP, kernel.others_name);
	add_tap(table, STALE_TAP, "vmr-stale");
	if (kernel.tap)
		add_tap(table, kernel.tap, "vmr-new");
	table->addresses[0] = (struct interface_address){ .ifindex = UPLINK,
							  .prefix = { kernel.host, 24 } };
	table->routes[0] = (struct default_route){ .ifindex = UPLINK,
						   .router = { htonl(0xc0a84d01) } };
	return 0;
}

int netlink_open(int protocol, struct nl_sock **sock, struct error *err)
{
	return 0;
}

struct nl_msg *netlink_message(int type, int flags, const void *header, size_t size)
{
	return nlmsg_alloc();
}

int netlink_request(struct nl_sock *sock, struct nl_msg *msg, netlink_parse_fn *parse,
		    void *context)
{
	return 0;
}

/* This process acts as a service with rights and a policy. */

bool capabilities_sufficient(void)
{
	return true;
}

int policy_file_read(const char *path, struct policy *policy, struct error *err)
{
	return policy_parse(POLICY, strlen(POLICY), path, policy, err);
}

/* The conversation. */

static struct state state;
static struct vm *victim;
static int victim_end, client_end, worker_end;
static struct worker_message question;

/* Of the latest question to the access point that has no answer yet; 0: none. */
static uint32_t access_job;

/* Has state_clear() leave the machine's own directory alone. */
int netns_dir(char path[NETNS_DIR_SIZE], struct error *err)
{
	return -ENOENT;
}

static void remove_state(void)
{
	unlinkat(state_dir, "state", 0);
	rmdir(state_path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	spare_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	must(spare_fd >= 0);
	must(mkdtemp(state_path) != NULL && atexit(remove_state) == 0);
	state_dir = open(state_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(state_dir >= 0);
	return 0;
}

static int save_uplinks(void *context, struct error *err)
{
	return state_save(context, err);
}

static void make_pair(int *ours, int *theirs)
{
	int sockets[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) == 0);
	*ours = sockets[0];
	*theirs = sockets[1];
}

/* The kernel reports the user of the moment. LeakSanitizer needs the process as it was. */
static void make_user_pair(int *ours, int *theirs)
{
	const bool root = geteuid() == 0;

	must(!root || seteuid(USER) == 0);
	make_pair(ours, theirs);
	must(!root || (seteuid(0) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0));
}

/* Another user's VM is on the LAN. */
static void add_victim(void)
{
	victim = vm_new();
	must(victim != NULL);
	protocol_record_init(&victim->record.attach, RECORD_ATTACH);
	strcpy(victim->record.attach.name, "web");
	victim->record.attach.owner = victim->record.uid = OTHERS;
	ifname_of_tap(OTHERS, "web", 0, victim->record.tap);
	strcpy(kernel.others_name, victim->record.tap);
	kernel.rules[kernel.rule_count++] = (struct fib_rule){ .protocol = HOST_PROTOCOL,
							       .preference = CHANGE_PREFERENCE_MAX +
									     1 - MAKER_RULES,
							       .action = FR_ACT_TO_TBL,
							       .table = GUEST_TABLE };
	victim->record.tap_ifindex = OTHERS_TAP;
	victim->record.address = others;
	victim->record.published_on = UPLINK;
	victim->record.answered = 1;
	make_pair(&victim_end, &victim->client);
	state_add(&state, victim);
}

static void begin(void)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.host.s_addr = htonl(0xc0a84d02);
	kernel.last_tap = FIRST_TAP;
	state = (struct state){ .dir = fcntl(state_dir, F_DUPFD_CLOEXEC, 0), .keeper.socket = -1 };
	must(state.dir >= 0);
	state.uplinks.save = save_uplinks;
	state.uplinks.context = &state;
	memset(&question, 0, sizeof(question));
	access_job = 0;
	make_pair(&worker_end, &state.worker.socket);
	add_victim();
}

static struct vm *own_vm(void)
{
	return state.vms == victim ? NULL : state.vms;
}

/* Receives all that waits at one end, and closes its descriptors; returns the number. */
static unsigned int drain(int end, bool is_worker)
{
	static union {
		struct worker_message message;
		union record record;
	} buffer;
	char space[CMSG_SPACE(sizeof(int) * FDS_MAX)];
	unsigned int count = 0;

	for (;; count++) {
		struct iovec data = { &buffer, sizeof(buffer) };
		struct msghdr header = { .msg_iov = &data,
					 .msg_iovlen = 1,
					 .msg_control = space,
					 .msg_controllen = sizeof(space) };
		struct cmsghdr *part;

		if (recvmsg(end, &header, MSG_CMSG_CLOEXEC) <= 0)
			return count;
		must(is_worker || buffer.record.header.type != RECORD_COUNTS ||
		     buffer.record.counts.tap_ifindex != OTHERS_TAP);
		part = CMSG_FIRSTHDR(&header);
		for (size_t i = 0; part && CMSG_LEN(sizeof(int) * (i + 1)) <= part->cmsg_len; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
			close(fd);
		}
		if (is_worker &&
		    (buffer.message.type == WORKER_PROBE || buffer.message.type == WORKER_FIND ||
		     buffer.message.type == WORKER_ASK))
			question = buffer.message;
		if (is_worker && buffer.message.type == WORKER_ACCESS)
			access_job = buffer.message.job;
	}
}

static void send_part(int end, const void *data, size_t size, bool with_fd)
{
	struct iovec part = { (void *)data, size };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))]; /* descriptor 0 */
	} rights = { { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (with_fd) {
		message.msg_control = &rights;
		message.msg_controllen = sizeof(rights);
	}
	sendmsg(end, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int serve_worker(const void *data, size_t size)
{
	struct error err;
	int ret;

	if (size == 0)
		return 0;
	send_part(worker_end, data, size, false);
	ret = client_worker(&state, &err);
	return ret == -EAGAIN ? 0 : ret;
}

/* A message of the size that it must have. */
static int serve_whole(const void *data, size_t size)
{
	struct worker_message message = { 0 };

	memcpy(&message, data, size < sizeof(message) ? size : sizeof(message));
	return serve_worker(&message, sizeof(message));
}

/* The kernel drops all, by a chain of a firewall. */
static const struct verdict closed = { .forwarding = FORWARDING_CLOSED,
				       .culprit_count = 1,
				       .culprits = { { .family = NFPROTO_IPV4,
						       .table = "filter",
						       .chain = "FORWARD",
						       .base = "FORWARD" } } };

static int answer(const uint8_t *data, size_t size, bool flag)
{
	struct worker_message message = question;

	/* The access point's answer comes with any other one. */
	if (access_job && size) {
		message.type = WORKER_ACCESSED;
		message.job = access_job;
		message.kind = data[0] % ACCESS_RESULTS;
		access_job = 0;
		return serve_worker(&message, sizeof(message));
	}
	if (question.type == WORKER_ASK) {
		message.type = WORKER_ASKED;
		message.verdict = flag ? closed : (struct verdict){ .forwarding = FORWARDING_OPEN };
		return serve_worker(&message, sizeof(message));
	}
	message.type = question.type == WORKER_FIND ? WORKER_FOUND : WORKER_PROBED;
	message.mac = flag ? router_mac : (struct ether_addr){ { 0 } };
	for (size_t i = 0; i < message.count && i < PROBE_BATCH_MAX; i++)
		message.probes[i].taken = i < size ? data[i] : 0;
	return serve_worker(&message, sizeof(message));
}

static int serve_client(struct client *client)
{
	struct error err;

	int ret;

	if (client->socket < 0)
		return own_vm() ? client_event(&state, own_vm()) : 1;
	ret = client_first(&state, client, &err);
	/* Another user's connection would be one of this process, which may be root's. */
	must(client->further < 0 || geteuid() != 0);
	if (client->further >= 0)
		close(client->further);
	client->further = -1;
	return ret;
}

/* The record gets the present version: otherwise each seed would end with its first part. */
static void send_record(const uint8_t *data, size_t size, bool with_fd)
{
	uint8_t octets[SIZE(UINT16_MAX)];
	struct record_header header;

	memcpy(octets, data, size);
	if (size >= sizeof(header)) {
		memcpy(&header, data, sizeof(header));
		if (header.magic == PROTOCOL_MAGIC)
			header.version = PROTOCOL_VERSION;
		memcpy(octets, &header, sizeof(header));
	}
	send_part(client_end, octets, size, with_fd);
}

/* One part; returns a negative number if the conversation or the service ends. */
static int act(struct client *client, unsigned int head, const uint8_t *data, size_t size)
{
	const bool flag = head & 1;
	int ret = 0;

	switch (KIND(head)) {
	case PART_RECORD:
		send_record(data, size, flag);
		ret = serve_client(client);
		break;
	case PART_WORKER:
		ret = flag ? serve_worker(data, size) : serve_whole(data, size);
		break;
	case PART_ANSWER:
		ret = answer(data, size, flag);
		break;
	case PART_HOST:
		kernel.carrier_changes++;
		if (flag)
			kernel.host.s_addr ^= htonl(0x10);
		if (own_vm())
			own_vm()->ask.at = 1;
		ask_step(&state, monotonic_ms());
		break;
	}
	drain(worker_end, true);
	drain(client_end, false);
	must(victim->record.tap_ifindex == OTHERS_TAP &&
	     ipv4_equal(victim->record.address, others));
	return ret < 0 || (client->socket < 0 && !own_vm()) ? -1 : 0;
}

/* End-of-file undoes all that the VM has. */
static void end(struct client *client)
{
	struct vm *vm = own_vm();

	shutdown(client_end, SHUT_WR);
	for (int i = 0; vm && i < 10; i++)
		if (client_event(&state, vm) == 1)
			vm = NULL;
	must(!vm);
	must(state.vms == victim && !victim->next);
	must(!kernel.tap && !kernel.route.s_addr && !kernel.proxy.s_addr);
	/* The rule for all guests serves the victim. */
	must(kernel.rule_count == 1 && kernel.rules[0].table == GUEST_TABLE && !kernel.route_count);
	if (client->socket >= 0)
		close(client->socket);
	state_close(&state);
	close(client_end);
	close(victim_end);
	close(worker_end);
	close(state.worker.socket);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client client = { .further = -1 };
	size_t at = 0;
	int ret = 0;

	begin();
	make_user_pair(&client_end, &client.socket);
	while (ret == 0 && at + 2 <= size) {
		const unsigned int head = data[at] | (unsigned int)data[at + 1] << 8;
		const size_t rest = size - at - 2;
		const size_t length = SIZE(head) < rest ? SIZE(head) : rest;

		ret = act(&client, head, data + at + 2, length);
		at += 2 + length;
	}
	end(&client);
	return 0;
}
