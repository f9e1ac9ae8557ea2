// SPDX-License-Identifier: GPL-2.0-or-later
// Makes and undoes each change to the host, and reports it first.
#include "netsetup/host/host.h"

#include <errno.h>
#include <limits.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/base/printable.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/kernel/netns.h"
#include "netsetup/kernel/query.h"
#include "netsetup/kernel/tap.h"
#include "netsetup/protocol/protocol.h"

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

/*
 * Safe against a hostile client: the name is "vmr-" and the result of ifname_of_tap() for a checked
 * name, and an existing interface is never taken over.
 */
int host_tap_add(struct host *host, const char *ifname, unsigned int queues, bool offload, int *fds,
		 unsigned int *ifindex, struct error *err)
{
	int ret;

	if (!host_report(host, "ip tuntap add dev %s mode tap%s%s", ifname,
			 offload ? " vnet_hdr" : "", queues > 1 ? " multi_queue" : "")) {
		*ifindex = 0;
		return 0;
	}
	ret = tap_open(ifname, queues, offload, fds, err);
	if (ret < 0)
		return ret;
	*ifindex = if_nametoindex(ifname);
	if (*ifindex == 0)
		return error_set_errno(err, errno, "cannot find tap '%s'", ifname);
	return 0;
}

/* Builds a link request by index, which never means a renamed or re-created interface. */
static struct nl_msg *link_message(int type, unsigned int ifindex, unsigned int flags)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC,
					  .ifi_index = (int)ifindex,
					  .ifi_flags = flags,
					  .ifi_change = flags };

	return netlink_message(type, 0, &header, sizeof(header));
}

/* The kernel reports a removed link before it answers the request to delete it. */
static int open_link_events(struct nl_sock **events, struct error *err)
{
	int ret;

	ret = netlink_open(NETLINK_ROUTE, events, err);
	if (ret < 0)
		return ret;
	ret = nl_socket_add_membership(*events, RTNLGRP_LINK);
	return ret < 0 ? netlink_error(err, ret, "cannot listen for changes of links") : 0;
}

/* Sends the request and waits for its answer; a missing link is no error. */
static int delete_link(struct nl_sock *route, unsigned int ifindex)
{
	cleanup_nl_msg *message = link_message(RTM_DELLINK, ifindex, 0);
	int ret = message ? netlink_request(route, message, NULL, NULL) : -ENOMEM;

	return ret == -ENODEV ? 0 : ret;
}

/* Larger than any descriptor of a helper. */
#define FDS_MAX 128

/*
 * Runs in the child, on its own socket, because the parent must not get the answer. If the parent
 * is killed, its descriptors, above all the lease, must not stay open here. Only the launcher's
 * socket must: its end-of-file lets the launcher start another helper, which would take the VM for
 * a running one while the tap is there.
 */
static void run_delete_link(unsigned int ifindex)
{
	cleanup_nl_sock *route = NULL;
	struct error error;
	int ret;

	for (int fd = PROTOCOL_FD + 1; fd < FDS_MAX; fd++)
		close(fd);
	ret = netlink_open(NETLINK_ROUTE, &route, &error);
	if (ret == 0)
		ret = delete_link(route, ifindex);
	_exit(-ret);
}

/* Returns true if a received message reports that the link is gone. */
static bool link_gone(struct nl_sock *events, unsigned int ifindex)
{
	_Alignas(struct nlmsghdr) char buffer[16384];
	struct nlmsghdr *header = (struct nlmsghdr *)buffer;
	ssize_t size = recv(nl_socket_get_fd(events), buffer, sizeof(buffer), MSG_DONTWAIT);

	for (int left = (int)size; nlmsg_ok(header, left); header = nlmsg_next(header, &left)) {
		const struct ifinfomsg *link = nlmsg_data(header);

		if (header->nlmsg_type == RTM_DELLINK && nlmsg_valid_hdr(header, sizeof(*link)) &&
		    link->ifi_family == AF_UNSPEC && link->ifi_index == (int)ifindex)
			return true;
	}
	return false;
}

/* Waits until the link is gone; the child exits later, or earlier with an error. */
static int wait_link_gone(struct nl_sock *events, int child, unsigned int ifindex)
{
	struct pollfd pollers[] = { { .fd = nl_socket_get_fd(events), .events = POLLIN },
				    { .fd = child, .events = POLLIN } };

	for (;;) {
		siginfo_t end = { 0 };

		if (poll(pollers, ARRAY_SIZE(pollers), -1) < 0 && errno != EINTR)
			return -errno;
		if (pollers[0].revents && link_gone(events, ifindex))
			return 0;
		if (!pollers[1].revents)
			continue;
		if (waitid(P_PIDFD, (id_t)child, &end, WEXITED) < 0)
			return -errno;
		return end.si_code == CLD_EXITED ? -end.si_status : -EIO;
	}
}

/* Safe: every caller passes the index of a tap that this process made or adopted. */
int host_link_delete(struct host *host, struct interface_id link, struct error *err)
{
	cleanup_nl_sock *events = NULL;
	cleanup_fd int pidfd = -1;
	pid_t child;
	int ret;

	if (!host_report(host, "ip link delete dev %s", link.ifname))
		return 0;
	ret = open_link_events(&events, err);
	if (ret < 0)
		return ret;
	child = fork();
	if (child == 0)
		run_delete_link(link.ifindex);
	pidfd = child < 0 ? -1 : pidfd_open(child, 0);
	/* fork() failed, perhaps by a limit of the client: wait in this process. */
	ret = pidfd < 0 ? delete_link(host->route, link.ifindex)
			: wait_link_gone(events, pidfd, link.ifindex);
	if (ret < 0)
		return error_set_errno(err, -ret, "cannot delete '%s'", link.ifname);
	return 0;
}

/* Safe: the tap is ours; the MTU is the uplink's own. */
int host_link_up(struct host *host, struct interface_id link, unsigned int mtu, struct error *err)
{
	cleanup_nl_msg *message = NULL;
	int ret;

	if (!host_report(host, "ip link set dev %s mtu %u up", link.ifname, mtu))
		return 0;
	message = link_message(RTM_NEWLINK, link.ifindex, IFF_UP);
	if (!message || nla_put_u32(message, IFLA_MTU, mtu) < 0)
		return error_set_errno(err, ENOMEM, "cannot bring '%s' up", link.ifname);
	ret = netlink_request(host->route, message, NULL, NULL);
	if (ret < 0)
		return error_set_errno(err, -ret, "cannot bring '%s' up", link.ifname);
	return 0;
}

/*
 * Safe: keys and values are constants of this program, and the interface is our tap or the uplink.
 * /proc/sys, unlike netlink's IFLA_INET_CONF, notifies listeners (RTM_NEWNETCONF) and flushes the
 * route cache (devinet_sysctl_forward() in net/ipv4/devinet.c).
 */
int host_sysctl(struct host *host, const struct sysctl *sysctl, int value, struct error *err)
{
	char name[CHANGE_TEXT_SIZE / 2], word[PRINTABLE_WORD_SIZE(sizeof(name))];

	sysctl_name(sysctl, name, sizeof(name));
	if (!host_report(host, "sysctl -w %s=%d", printable_word(name, word), value))
		return 0;
	return sysctl_write(sysctl, value, err);
}

/* Builds a request for the host route to one address through one interface. */
static struct nl_msg *route_message(int type, int flags, struct in_addr address,
				    unsigned int ifindex)
{
	const struct rtmsg header = { .rtm_family = AF_INET,
				      .rtm_dst_len = 32,
				      .rtm_table = RT_TABLE_MAIN,
				      .rtm_protocol = HOST_PROTOCOL,
				      .rtm_scope = RT_SCOPE_LINK,
				      .rtm_type = RTN_UNICAST };
	cleanup_nl_msg *message = netlink_message(type, flags, &header, sizeof(header));

	if (!message || nla_put(message, RTA_DST, sizeof(address), &address) < 0 ||
	    nla_put_u32(message, RTA_OIF, ifindex) < 0)
		return NULL;
	return take_ptr(&message);
}

/* Safe: a /32 for the address of this VM, through its own tap; it never replaces a route. */
int host_route_add(struct host *host, struct in_addr address, struct interface_id tap,
		   struct error *err)
{
	cleanup_nl_msg *message = NULL;
	char text[IPV4_TEXT_SIZE];
	int ret;

	if (!host_report(host, "ip route add %s/32 dev %s proto %d", ipv4_text(address, text),
			 tap.ifname, HOST_PROTOCOL))
		return 0;
	message = route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, address, tap.ifindex);
	if (!message)
		return error_set_errno(err, ENOMEM, "cannot add a route to %s", text);
	ret = netlink_request(host->route, message, NULL, NULL);
	if (ret < 0)
		return error_set_errno(err, -ret, "cannot add a route to %s through '%s'", text,
				       tap.ifname);
	return 0;
}

/* Safe: the route is the one of host_route_add(), through this VM's own tap. */
int host_route_delete(struct host *host, struct in_addr address, struct interface_id tap,
		      struct error *err)
{
	cleanup_nl_msg *message = NULL;
	char text[IPV4_TEXT_SIZE];
	int ret;

	if (!host_report(host, "ip route delete %s/32 dev %s proto %d", ipv4_text(address, text),
			 tap.ifname, HOST_PROTOCOL))
		return 0;
	message = route_message(RTM_DELROUTE, 0, address, tap.ifindex);
	if (!message)
		return error_set_errno(err, ENOMEM, "cannot delete the route to %s", text);
	ret = netlink_request(host->route, message, NULL, NULL);
	if (ret < 0 && ret != -ESRCH && ret != -ENODEV)
		return error_set_errno(err, -ret, "cannot delete the route to %s through '%s'",
				       text, tap.ifname);
	return 0;
}

/* Builds a request for the proxy entry of one address on one interface. */
static struct nl_msg *proxy_message(int type, int flags, struct in_addr address,
				    unsigned int ifindex)
{
	const struct ndmsg header = { .ndm_family = AF_INET,
				      .ndm_ifindex = (int)ifindex,
				      .ndm_state = NUD_PERMANENT,
				      .ndm_flags = NTF_PROXY };
	cleanup_nl_msg *message = netlink_message(type, flags, &header, sizeof(header));

	if (!message || nla_put(message, NDA_DST, sizeof(address), &address) < 0)
		return NULL;
	return take_ptr(&message);
}

static int proxy_read_back(struct host *host, struct in_addr address, struct interface_id uplink,
			   struct error *err)
{
	char text[IPV4_TEXT_SIZE];
	int ret = query_proxy(host->route, address, uplink.ifindex);

	if (ret == 1)
		return 0;
	return error_set_errno(err, ret < 0 ? -ret : ENOENT,
			       "the kernel has no proxy entry for %s on '%s'",
			       ipv4_text(address, text), uplink.ifname);
}

/* Safe: one entry for the one address of this VM, on the uplink that was chosen. */
int host_proxy_add(struct host *host, struct in_addr address, struct interface_id uplink,
		   struct error *err)
{
	cleanup_nl_msg *message = NULL;
	char text[IPV4_TEXT_SIZE], word[PRINTABLE_WORD_SIZE(IFNAMSIZ)];
	int ret;

	if (!host_report(host, "ip neigh replace proxy %s dev %s nud permanent protocol %d",
			 ipv4_text(address, text), printable_word(uplink.ifname, word),
			 HOST_PROTOCOL))
		return 0;
	message = proxy_message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, address,
				uplink.ifindex);
	if (!message || nla_put_u8(message, NDA_PROTOCOL, HOST_PROTOCOL) < 0)
		return error_set_errno(err, ENOMEM, "cannot add a proxy entry");
	ret = netlink_request(host->route, message, NULL, NULL);
	if (ret < 0)
		return error_set_errno(err, -ret, "cannot add a proxy entry for %s on '%s'", text,
				       uplink.ifname);
	return proxy_read_back(host, address, uplink, err);
}

/* Safe: the entry is the one of host_proxy_add(), as this VM's own lease records it. */
int host_proxy_delete(struct host *host, struct in_addr address, struct interface_id uplink,
		      struct error *err)
{
	cleanup_nl_msg *message = NULL;
	char text[IPV4_TEXT_SIZE], word[PRINTABLE_WORD_SIZE(IFNAMSIZ)];
	int ret;

	if (!host_report(host, "ip neigh delete proxy %s dev %s", ipv4_text(address, text),
			 printable_word(uplink.ifname, word)))
		return 0;
	message = proxy_message(RTM_DELNEIGH, 0, address, uplink.ifindex);
	if (!message)
		return error_set_errno(err, ENOMEM, "cannot delete a proxy entry");
	ret = netlink_request(host->route, message, NULL, NULL);
	if (ret < 0 && ret != -ENOENT && ret != -ENODEV)
		return error_set_errno(err, -ret, "cannot delete the proxy entry for %s on '%s'",
				       text, uplink.ifname);
	return 0;
}

/* Safe: only root can write the directory; the name was found there or made of a checked name. */
void host_file_remove(struct host *host, int dir, const char *path, const char *name)
{
	char full_path[NETNS_DIR_SIZE + NAME_MAX + 1], word[PRINTABLE_WORD_SIZE(sizeof(full_path))];
	char own[NETNS_DIR_SIZE] = NETNS_RUN_DIR;
	struct error ignored;

	if (!path && netns_dir(own, &ignored) == 0)
		path = own;
	snprintf(full_path, sizeof(full_path), "%s/%s", path ? path : own, name);
	if (host_report(host, "rm %s", printable_word(full_path, word)))
		unlinkat(dir, name, 0);
}

/* Safe: it announces a fact, since the address was proven free and has its proxy entry. */
int host_announce(struct host *host, struct in_addr address, struct interface_id uplink,
		  const struct ether_addr *mac, struct error *err)
{
	const struct arp arp = arp_announcement(mac, address);
	char text[IPV4_TEXT_SIZE];
	int ret;

	/* Report a comment: arping(8), the usual tool, announces only addresses of the host. */
	if (!host_report(host, "# gratuitous ARP: %s is on %s", ipv4_text(address, text),
			 uplink.ifname))
		return 0;
	ret = arp_send(host->arp, uplink.ifindex, &arp, err);
	/* The packet is lost, as on the air: the second announcement repeats it. */
	if (ret == -ENOBUFS || ret == -EAGAIN)
		return 0;
	if (ret < 0)
		error_context(err, "cannot announce %s on '%s'", text, uplink.ifname);
	return ret;
}
