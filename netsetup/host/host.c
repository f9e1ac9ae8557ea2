// SPDX-License-Identifier: GPL-2.0-or-later
// Reports each change to the host, and has the maker make it.
#include "netsetup/host/host.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/base/printable.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/kernel/interface.h"
#include "netsetup/kernel/query.h"
#include "netsetup/maker/antispoof.h"

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

/* Has the request executed by the maker, or by this process if it is none's service. */
static int call(struct host *host, const struct maker_request *request, uint32_t *ifindex,
		int fds[MAKER_FDS_MAX], struct error *err)
{
	if (host->maker == 0)
		return maker_execute(host->route, request, ifindex, fds, err);
	return maker_call(host->maker, request, ifindex, fds, err);
}

/* A request that has no descriptors and no index as answer. */
static int change(struct host *host, const struct maker_request *request, struct error *err)
{
	int fds[MAKER_FDS_MAX];
	uint32_t ifindex;

	return call(host, request, &ifindex, fds, err);
}

static int open_socket(struct host *host, const struct maker_request *request, struct error *err)
{
	int fds[MAKER_FDS_MAX];
	uint32_t ifindex;
	const int ret = call(host, request, &ifindex, fds, err);

	if (ret == 0 && fds[0] < 0)
		return error_set_errno(err, EPROTO, "the maker has sent no socket");
	return ret < 0 ? ret : fds[0];
}

int host_tap_add(struct host *host, const char *ifname, unsigned int queues, bool offload, int *fds,
		 unsigned int *ifindex, struct error *err)
{
	struct maker_request request = { .type = MAKER_TAP_ADD,
					 .number = (int32_t)queues,
					 .offload = offload };
	int made[MAKER_FDS_MAX];
	int ret;

	*ifindex = 0;
	if (!host_report(host, "ip tuntap add dev %s mode tap user root%s%s", ifname,
			 offload ? " vnet_hdr" : "", queues > 1 ? " multi_queue" : ""))
		return 0;
	memcpy(request.ifname, ifname, strlen(ifname) + 1);
	ret = call(host, &request, ifindex, made, err);
	if (ret == 0)
		memcpy(fds, made, sizeof(*fds) * queues);
	return ret;
}

int host_link_delete(struct host *host, struct interface_id link, struct error *err)
{
	const struct maker_request request = { .type = MAKER_LINK_DELETE, .ifindex = link.ifindex };

	return host_report(host, "ip link delete dev %s", link.ifname) ? change(host, &request, err)
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
	ret = change(host, &request, err);
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

int host_filter(struct host *host, struct interface_id tap, struct in_addr address,
		struct error *err)
{
	const struct maker_request request = { .type = MAKER_FILTER,
					       .ifindex = tap.ifindex,
					       .address = address };
	char text[CHANGE_TEXT_SIZE - 128];
	bool act;

	act = host_report(host, "tc qdisc replace dev %s clsact", tap.ifname);
	act = host_report(host,
			  "tc filter replace dev %s ingress protocol all prio 1 handle 1 bpf "
			  "direct-action bytecode '%s'",
			  tap.ifname, antispoof_text(address, text, sizeof(text))) &&
	      act;
	return act ? change(host, &request, err) : 0;
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
