// SPDX-License-Identifier: GPL-2.0-or-later
// Reports each change to the host, and has the maker make it.
#include "netsetup/host/host.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/base/printable.h"
#include "netsetup/host/table_text.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/kernel/interface.h"
#include "netsetup/kernel/query.h"
#include "netsetup/maker/allow.h"
#include "netsetup/maker/maker_call.h"

/* Times to try again to make a table, and milliseconds before each. */
#define TABLE_TRIES 15
#define TABLE_WAIT  20

/* Interval at which host_link_delete_soon() looks, in ns: to delete a tap takes about 500 us. */
#define GONE_WAIT 200000

/* Changes that the maker may be behind, so that its answers fit into the socket. */
#define AHEAD_MAX 32

void host_ahead(struct host *host)
{
	host->ahead = host->maker > 0 && !host->dry_run;
}

/* Receives all answers of the maker, and returns the first error. */
static int await_maker(const struct host *host, struct error *err)
{
	struct error other;
	int result = 0;

	while (maker_call_due() > 0) {
		const int ret = maker_call_settle(host->maker, result ? &other : err);

		result = result ? result : ret;
	}
	return result;
}

int host_settle(struct host *host, struct error *err)
{
	host->ahead = false;
	return await_maker(host, err);
}

/*
 * Has the request executed by the maker, or by this process if it is none's service. An answer with
 * another number of descriptors is an error, and they are closed.
 */
static int call(struct host *host, const struct maker_request *request, size_t count,
		uint32_t *ifindex, int fds[MAKER_FDS_MAX], struct error *err)
{
	size_t received = 0;
	int ret;

	ret = await_maker(host, err);
	if (ret < 0)
		return ret;
	if (host->maker == 0)
		ret = maker_execute(host->route, request, ifindex, fds, err);
	else
		ret = maker_call(host->maker, request, ifindex, fds, err);
	while (received < MAKER_FDS_MAX && fds[received] >= 0)
		received++;
	if (ret == 0 && received == count)
		return 0;
	while (received > 0)
		close(fds[--received]);
	return ret < 0 ? ret
		       : error_set_errno(err, EPROTO, "the maker has not sent %zu descriptors",
					 count);
}

/* A request that has no descriptors and no index as answer. */
static int change_now(struct host *host, const struct maker_request *request, struct error *err)
{
	int fds[MAKER_FDS_MAX];
	uint32_t ifindex;

	return call(host, request, 0, &ifindex, fds, err);
}

/* The same, but it need not be made when this returns. */
static int change(struct host *host, const struct maker_request *request, struct error *err)
{
	int ret;

	if (!host->ahead)
		return change_now(host, request, err);
	ret = maker_call_due() < AHEAD_MAX ? 0 : await_maker(host, err);
	return ret < 0 ? ret : maker_call_begin(host->maker, request, err);
}

static int open_socket(struct host *host, const struct maker_request *request, struct error *err)
{
	int fds[MAKER_FDS_MAX];
	uint32_t ifindex;
	const int ret = call(host, request, 1, &ifindex, fds, err);

	return ret < 0 ? ret : fds[0];
}

int host_tap_add(struct host *host, const char *ifname, unsigned int queues, bool offload, int *fds,
		 unsigned int *ifindex, struct error *err)
{
	struct maker_request request = { .type = MAKER_TAP_ADD,
					 .number = (int32_t)queues,
					 .offload = offload };
	int made[MAKER_FDS_MAX];
	uint32_t made_ifindex;
	int ret;

	*ifindex = 0;
	if (!host_report(host, "ip tuntap add dev %s mode tap user root%s%s", ifname,
			 offload ? " vnet_hdr" : "", queues > 1 ? " multi_queue" : ""))
		return 0;
	memcpy(request.ifname, ifname, strlen(ifname) + 1);
	ret = call(host, &request, queues, &made_ifindex, made, err);
	if (ret < 0)
		return ret;
	memcpy(fds, made, sizeof(*fds) * queues);
	*ifindex = made_ifindex;
	return 0;
}

int host_link_delete(struct host *host, struct interface_id link, struct error *err)
{
	const struct maker_request request = { .type = MAKER_LINK_DELETE, .ifindex = link.ifindex };

	return host_report(host, "ip link delete dev %s", link.ifname)
		       ? change_now(host, &request, err)
		       : 0;
}

/* Waits for a moment; returns true if the maker has answered. */
static bool has_answered(const struct host *host)
{
	const struct timespec wait = { .tv_nsec = GONE_WAIT };
	struct pollfd poller = { .fd = host->maker, .events = POLLIN };

	return ppoll(&poller, 1, &wait, NULL) > 0;
}

int host_link_delete_soon(struct host *host, struct interface_id link, struct error *err)
{
	const struct maker_request request = { .type = MAKER_LINK_DELETE, .ifindex = link.ifindex };
	char ifname[IFNAMSIZ];
	int ret;

	if (host->dry_run || host->maker == 0)
		return host_link_delete(host, link, err);
	host_report(host, "ip link delete dev %s", link.ifname);
	ret = maker_call_begin(host->maker, &request, err);
	while (ret == 0 && maker_call_due() > 0) {
		if (has_answered(host))
			ret = maker_call_settle(host->maker, err);
		/* It asks without RTNL's lock, which the maker holds for longer. */
		else if (!if_indextoname(link.ifindex, ifname) && errno == ENXIO)
			return 0;
	}
	return ret;
}

int host_link_down(struct host *host, struct interface_id link, struct error *err)
{
	const struct maker_request request = { .type = MAKER_LINK_DOWN, .ifindex = link.ifindex };

	return host_report(host, "ip link set dev %s down", link.ifname)
		       ? change(host, &request, err)
		       : 0;
}

int host_link_up(struct host *host, struct interface_id link, const struct ether_addr *mac,
		 unsigned int mtu, struct error *err)
{
	const struct maker_request request = {
		.type = MAKER_LINK_UP, .ifindex = link.ifindex, .mac = *mac, .number = (int32_t)mtu
	};
	char text[ARP_MAC_TEXT_SIZE];

	if (!host_report(host, "ip link set dev %s address %s alias " INTERFACE_ALIAS " mtu %u up",
			 link.ifname, arp_mac_text(mac, text), mtu))
		return 0;
	return change(host, &request, err);
}

int host_sysctl(struct host *host, const struct sysctl *sysctl, int value, struct error *err)
{
	struct maker_request request = { .type = MAKER_SYSCTL, .number = value };
	char name[CHANGE_TEXT_SIZE / 2], word[PRINTABLE_WORD_SIZE(sizeof(name))];
	const int key = maker_sysctl_key(sysctl);

	sysctl_name(sysctl, name, sizeof(name));
	if (!host_report(host, "sysctl -w %s=%d", printable_word(name, word), value))
		return 0;
	request.ifindex = if_nametoindex(sysctl->ifname);
	if (key < 0 || request.ifindex == 0)
		return error_set_errno(err, ENOENT, "cannot set '%s'", name);
	request.key = (uint32_t)key;
	return change(host, &request, err);
}

int host_route_add(struct host *host, struct in_addr address, struct interface_id tap,
		   struct error *err)
{
	const struct maker_request request = { .type = MAKER_ROUTE_ADD,
					       .ifindex = tap.ifindex,
					       .address = address };
	char text[IPV4_TEXT_SIZE];

	if (!host_report(host, "ip route add %s/32 dev %s proto %d", ipv4_text(address, text),
			 tap.ifname, HOST_PROTOCOL))
		return 0;
	return change(host, &request, err);
}

int host_route_delete(struct host *host, struct in_addr address, struct interface_id tap,
		      struct error *err)
{
	const struct maker_request request = { .type = MAKER_ROUTE_DELETE,
					       .ifindex = tap.ifindex,
					       .address = address };
	char text[IPV4_TEXT_SIZE];

	if (!host_report(host, "ip route delete %s/32 dev %s proto %d", ipv4_text(address, text),
			 tap.ifname, HOST_PROTOCOL))
		return 0;
	return change(host, &request, err);
}

int host_proxy_add(struct host *host, struct in_addr address, struct interface_id uplink,
		   struct error *err)
{
	const struct maker_request request = { .type = MAKER_PROXY_ADD,
					       .ifindex = uplink.ifindex,
					       .address = address };
	char text[IPV4_TEXT_SIZE], word[PRINTABLE_WORD_SIZE(IFNAMSIZ)];
	int ret;

	if (!host_report(host, "ip neigh replace proxy %s dev %s nud permanent protocol %d",
			 ipv4_text(address, text), printable_word(uplink.ifname, word),
			 HOST_PROTOCOL))
		return 0;
	ret = change_now(host, &request, err);
	if (ret < 0)
		return ret;
	ret = query_proxy(host->route, address, uplink.ifindex);
	return ret == 1 ? 0
			: error_set_errno(err, ret < 0 ? -ret : ENOENT,
					  "the kernel has no proxy entry for %s on '%s'", text,
					  uplink.ifname);
}

int host_proxy_delete(struct host *host, struct in_addr address, struct interface_id uplink,
		      struct error *err)
{
	const struct maker_request request = { .type = MAKER_PROXY_DELETE,
					       .ifindex = uplink.ifindex,
					       .address = address };
	char text[IPV4_TEXT_SIZE], word[PRINTABLE_WORD_SIZE(IFNAMSIZ)];

	if (!host_report(host, "ip neigh delete proxy %s dev %s", ipv4_text(address, text),
			 printable_word(uplink.ifname, word)))
		return 0;
	return change(host, &request, err);
}

/* Reports a rule as ip-rule(8) has it; the request has the name of its interface. */
static bool report_rule(struct host *host, const char *verb, const struct maker_request *request)
{
	char word[PRINTABLE_WORD_SIZE(IFNAMSIZ)];
	const char *const ifname = printable_word(request->ifname, word);
	const bool tap = !strncmp(request->ifname, TAP_PREFIX, strlen(TAP_PREFIX));

	switch ((enum maker_rule)request->key) {
	case MAKER_RULE_GUESTS:
		return host_report(host, "ip rule %s pref %d lookup %u protocol %d", verb,
				   request->number, GUEST_TABLE, HOST_PROTOCOL);
	case MAKER_RULE_LOCAL:
		return host_report(host, "ip rule %s pref %d iif %s lookup local protocol %d", verb,
				   request->number, ifname, HOST_PROTOCOL);
	case MAKER_RULE_TABLE:
		return host_report(host, "ip rule %s pref %d iif %s lookup %u protocol %d", verb,
				   request->number, ifname, TAP_TABLE(request->tap_ifindex),
				   HOST_PROTOCOL);
	case MAKER_RULE_STOP:
		return host_report(host, "ip rule %s pref %d iif %s %s protocol %d", verb,
				   request->number, ifname, tap ? "unreachable" : "blackhole",
				   HOST_PROTOCOL);
	case MAKER_RULES:
		break;
	}
	return false;
}

int host_rule_add(struct host *host, enum maker_rule kind, struct interface_id link,
		  uint32_t preference, struct error *err)
{
	struct maker_request request = { .type = MAKER_RULE_ADD,
					 .key = kind,
					 .ifindex = link.ifindex,
					 .tap_ifindex = link.ifindex,
					 .number = (int32_t)preference };

	memcpy(request.ifname, link.ifname, strlen(link.ifname) + 1);
	return report_rule(host, "add", &request) ? change(host, &request, err) : 0;
}

int host_rule_delete(struct host *host, enum maker_rule kind, const struct fib_rule *rule,
		     struct error *err)
{
	struct maker_request request = { .type = MAKER_RULE_DELETE,
					 .key = kind,
					 .number = (int32_t)rule->preference };

	if (kind == MAKER_RULE_TABLE)
		request.tap_ifindex = rule->table - TAP_TABLE_BASE;
	memcpy(request.ifname, rule->iifname, sizeof(request.ifname));
	return report_rule(host, "delete", &request) ? change(host, &request, err) : 0;
}

static int change_table_of(struct host *host, const char *verb, enum maker_type type,
			   const struct table_route *route, const char *ifname, struct error *err)
{
	struct maker_request request = {
		.type = type,
		.ifindex = route->ifindex,
		.address = route->to.address,
		.number = (int32_t)route->to.length,
		.router = ipv4_unset(route->source) ? route->router : route->source,
		.tap_ifindex = route->table > TAP_TABLE_BASE ? route->table - TAP_TABLE_BASE : 0
	};
	char to[IPV4_TEXT_SIZE] = "default", text[IPV4_TEXT_SIZE], via[32] = "", flag[32] = "";
	char word[PRINTABLE_WORD_SIZE(IFNAMSIZ)];

	memcpy(request.ifname, ifname, strlen(ifname) + 1);
	if (route->to.length)
		ipv4_prefix_text(&route->to, to);
	if (!ipv4_unset(route->router)) {
		snprintf(via, sizeof(via), " via %s", ipv4_text(route->router, text));
		snprintf(flag, sizeof(flag), " onlink");
	}
	if (!ipv4_unset(route->source))
		snprintf(flag, sizeof(flag), " src %s", ipv4_text(route->source, text));
	else if (route->table == GUEST_TABLE)
		snprintf(flag, sizeof(flag), " metric 1");
	if (!host_report(host, "ip route %s %s%s dev %s%s table %u proto %d", verb, to, via,
			 printable_word(ifname, word), flag, route->table, HOST_PROTOCOL))
		return 0;
	return change(host, &request, err);
}

int host_tap_route_add(struct host *host, const struct table_route *route, const char *ifname,
		       struct error *err)
{
	return change_table_of(host, "replace", MAKER_TAP_ROUTE_ADD, route, ifname, err);
}

int host_tap_route_delete(struct host *host, const struct table_route *route, const char *ifname,
			  struct error *err)
{
	return change_table_of(host, "delete", MAKER_TAP_ROUTE_DELETE, route, ifname, err);
}

int host_arp_socket(struct host *host, struct interface_id uplink, enum promiscuous_mode mode,
		    struct error *err)
{
	const struct maker_request request = { .type = MAKER_ARP_SOCKET,
					       .ifindex = uplink.ifindex,
					       .number = mode };

	return open_socket(host, &request, err);
}

int host_dhcp_socket(struct host *host, struct interface_id tap, struct error *err)
{
	const struct maker_request request = { .type = MAKER_DHCP_SOCKET, .ifindex = tap.ifindex };

	return open_socket(host, &request, err);
}

/* The keeper of descriptors may not have closed those of a former table yet. */
static int call_again(struct host *host, const struct maker_request *request, size_t count,
		      uint32_t *ifindex, int fds[MAKER_FDS_MAX], struct error *err)
{
	int ret;

	ret = call(host, request, count, ifindex, fds, err);
	for (int i = 0; i < TABLE_TRIES && (ret == -EBUSY || ret == -EPERM); i++) {
		poll(NULL, 0, TABLE_WAIT);
		ret = call(host, request, count, ifindex, fds, err);
	}
	return ret;
}

int host_frame_socket(struct host *host, struct interface_id link, struct error *err)
{
	const struct maker_request request = { .type = MAKER_FRAME_SOCKET,
					       .ifindex = link.ifindex };

	return open_socket(host, &request, err);
}

int host_table_open(struct host *host, struct interface_id uplink, struct host_table *table,
		    struct error *err)
{
	const struct maker_request request = { .type = MAKER_TABLE_OPEN,
					       .ifindex = uplink.ifindex };
	int fds[MAKER_FDS_MAX] = { -1 };
	uint32_t ifindex;
	int ret = 0;

	if (table_text_open(host, uplink))
		ret = call_again(host, &request, 1, &ifindex, fds, err);
	if (ret == 0)
		*table = (struct host_table){ fds[0], -1, -1, 0 };
	return ret;
}

int host_table_bridge(struct host *host, struct interface_id uplink, struct host_table *table,
		      struct error *err)
{
	const struct maker_request request = { .type = MAKER_TABLE_BRIDGE,
					       .ifindex = uplink.ifindex,
					       .owner = table->owner };
	int fds[MAKER_FDS_MAX];
	uint32_t ifindex;
	int ret;

	if (!table_text_bridge(host, uplink))
		return 0;
	ret = call_again(host, &request, 2, &ifindex, fds, err);
	if (ret == 0)
		*table = (struct host_table){ table->owner, fds[0], fds[1], ifindex };
	return ret;
}

int host_table_refresh(struct host *host, struct interface_id uplink, int owner, struct error *err)
{
	const struct maker_request request = { .type = MAKER_TABLE_REFRESH,
					       .ifindex = uplink.ifindex,
					       .owner = owner };

	return table_text_refresh(host, uplink) ? change_now(host, &request, err) : 0;
}

int host_table_vm(struct host *host, struct interface_id uplink, int owner,
		  const struct table_vm *vm, struct error *err)
{
	const struct maker_request request = { .type = MAKER_TABLE_VM,
					       .ifindex = uplink.ifindex,
					       .address = vm->address,
					       .mac = vm->mac,
					       .number = vm->path,
					       .tap_ifindex = vm->tap.ifindex,
					       .owner = owner };

	return table_text_vm(host, uplink, vm) ? change_now(host, &request, err) : 0;
}

int host_table_delete(struct host *host, struct interface_id uplink, int owner, struct error *err)
{
	const struct maker_request request = { .type = MAKER_TABLE_DELETE,
					       .ifindex = uplink.ifindex,
					       .owner = owner };

	return table_text_delete(host, uplink) ? change_now(host, &request, err) : 0;
}

int host_table_vm_delete(struct host *host, struct interface_id uplink, int owner,
			 struct interface_id tap, struct error *err)
{
	const struct maker_request request = { .type = MAKER_TABLE_VM_DELETE,
					       .ifindex = uplink.ifindex,
					       .tap_ifindex = tap.ifindex,
					       .owner = owner };

	return table_text_vm_delete(host, uplink, tap) ? change_now(host, &request, err) : 0;
}

int host_table_dump(struct host *host, struct interface_id uplink, int owner,
		    enum table_counted set, struct error *err)
{
	const struct maker_request request = { .type = MAKER_TABLE_DUMP,
					       .ifindex = uplink.ifindex,
					       .number = (int32_t)set,
					       .owner = owner };

	return change_now(host, &request, err);
}

int host_ask_open(struct host *host, struct interface_id tap, struct interface_id uplink,
		  struct in_addr guest, struct in_addr station, int fds[ASK_FDS], struct error *err)
{
	const struct maker_request request = { .type = MAKER_ASK_OPEN,
					       .ifindex = uplink.ifindex,
					       .tap_ifindex = tap.ifindex,
					       .address = guest,
					       .station = station };
	int made[MAKER_FDS_MAX];
	uint32_t ifindex;
	const int ret = call(host, &request, ASK_FDS, &ifindex, made, err);

	if (ret == 0)
		memcpy(fds, made, sizeof(*fds) * ASK_FDS);
	return ret;
}

int host_ask_listen(struct host *host, struct error *err)
{
	const struct maker_request request = { .type = MAKER_ASK_LISTEN };

	return open_socket(host, &request, err);
}

/* Reports one rule of a VM in a firewall. */
static void report_accept(struct host *host, const struct verdict_culprit *culprit,
			  const char *comment, const char *input, const char *output,
			  const char *field, struct in_addr address)
{
	char chain[PRINTABLE_WORD_SIZE(NFT_NAME_SIZE)];
	char table[PRINTABLE_WORD_SIZE(NFT_NAME_SIZE)], text[IPV4_TEXT_SIZE];

	host_report(host,
		    "nft insert rule %s %s %s iifname '\"%s\"' oifname '\"%s\"' ip %s %s counter "
		    "accept comment '\"%s\"'",
		    verdict_family(culprit), printable_word(culprit->table, table),
		    printable_word(culprit->base, chain), input, output, field,
		    ipv4_text(address, text), comment);
}

int host_allow_add(struct host *host, const struct verdict_culprit *culprit, const uint8_t uuid[16],
		   struct interface_id tap, struct interface_id uplink, struct in_addr address,
		   struct error *err)
{
	struct maker_request request = { .type = MAKER_ALLOW_ADD,
					 .ifindex = uplink.ifindex,
					 .tap_ifindex = tap.ifindex,
					 .address = address,
					 .allow.family = culprit->family };
	char comment[sizeof(ALLOW_COMMENT) + UUID_STR_LEN] = ALLOW_COMMENT;

	memcpy(request.allow.uuid, uuid, sizeof(request.allow.uuid));
	memcpy(request.allow.table, culprit->table, sizeof(request.allow.table));
	memcpy(request.allow.chain, culprit->base, sizeof(request.allow.chain));
	uuid_unparse_lower(uuid, comment + strlen(ALLOW_COMMENT));
	report_accept(host, culprit, comment, uplink.ifname, tap.ifname, "daddr", address);
	report_accept(host, culprit, comment, tap.ifname, uplink.ifname, "saddr", address);
	return host->dry_run ? 0 : change_now(host, &request, err);
}

int host_allow_delete(struct host *host, const uint8_t uuid[16], struct error *err)
{
	struct maker_request request = { .type = MAKER_ALLOW_DELETE };
	char text[UUID_STR_LEN];

	memcpy(request.allow.uuid, uuid, sizeof(request.allow.uuid));
	uuid_unparse_lower(uuid, text);
	/* A comment: nft(8) deletes a rule by a handle that only the kernel knows. */
	if (!host_report(host, "# nft delete rule: all with the comment " ALLOW_COMMENT "%s", text))
		return 0;
	return change(host, &request, err);
}

/* In a dry run the maker counts the rules only. */
int host_allow_sweep(struct host *host, struct error *err)
{
	struct maker_request request = { .type = MAKER_ALLOW_SWEEP };
	int fds[MAKER_FDS_MAX];
	uint32_t count = 0;
	int ret;

	if (host->dry_run && host->maker == 0)
		return 0;
	ret = call(host, &request, 0, &count, fds, err);
	if (ret < 0 || count == 0)
		return ret;
	request.number = 1;
	if (!host_report(
		    host,
		    "# nft delete rule: %u of VMs that are gone, with the comment " ALLOW_COMMENT
		    "UUID",
		    count))
		return 0;
	return call(host, &request, 0, &count, fds, err);
}
