// SPDX-License-Identifier: GPL-2.0-or-later
// Makes and undoes single changes to the host, each of which it checks itself.
#include "netsetup/maker/maker.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/interface.h"
#include "netsetup/kernel/refusal.h"
#include "netsetup/maker/change.h"
#include "netsetup/protocol/protocol.h"

/* Kinds of interface that a request can concern. */
enum side {
	SIDE_NONE,   /* there is none yet */
	SIDE_TAP,    /* a tap of ours */
	SIDE_UPLINK, /* an Ethernet interface that is no tap */
	SIDE_EITHER,
	SIDE_NO_TAP, /* any interface, to remove what it got when it was an uplink */
};

/* The rows of enum maker_type. */
static const struct kind {
	enum side side;
	bool address;
	int32_t least;
	int32_t most;
	int (*make)(const struct change *change, struct error *err);
} kinds[] = {
	[MAKER_TAP_ADD] = { SIDE_NONE, false, 1, QUEUES_MAX, change_tap_add },
	[MAKER_LINK_UP] = { SIDE_TAP, false, 68, 65535, change_link_up },
	[MAKER_LINK_DELETE] = { SIDE_TAP, false, 0, 0, change_link_delete },
	[MAKER_FILTER] = { SIDE_TAP, true, 0, 0, change_filter },
	[MAKER_SYSCTL] = { SIDE_EITHER, false, 0, INT32_MAX, change_sysctl },
	[MAKER_ROUTE_ADD] = { SIDE_TAP, true, 0, 0, change_route_add },
	[MAKER_ROUTE_DELETE] = { SIDE_TAP, true, 0, 0, change_route_delete },
	[MAKER_PROXY_ADD] = { SIDE_UPLINK, true, 0, 0, change_proxy_add },
	[MAKER_PROXY_DELETE] = { SIDE_NO_TAP, true, 0, 0, change_proxy_delete },
	[MAKER_ARP_SOCKET] = { SIDE_UPLINK, false, 0, PROMISCUOUS_OFF, change_arp_socket },
	[MAKER_DHCP_SOCKET] = { SIDE_TAP, false, 0, 0, change_dhcp_socket },
};

int maker_sysctl_key(const struct sysctl *sysctl)
{
	const struct sysctl *known;

	for (uint32_t key = 0; (known = change_sysctl_of(key)); key++)
		if (!strcmp(known->tree, sysctl->tree) && !strcmp(known->key, sysctl->key))
			return (int)key;
	return -1;
}

static int refuse(struct error *err)
{
	return error_setf(err, STATUS_FAILURE, EPERM, "the service requested what no VM needs");
}

static bool is_tap(const struct interface *link)
{
	return !strcmp(link->kind, "tun") && ifname_valid(link->ifname) &&
	       !strncmp(link->ifname, TAP_PREFIX, strlen(TAP_PREFIX));
}

/*
 * Threat: a client has taken over the service, by a record. It can then have the maker do for any
 * VM what it does for one VM, but not touch another interface's address, routes of others, other
 * values, or a tap of another program. Test: test_maker.c.
 */
static bool side_fits(enum side side, const struct interface *link)
{
	switch (side) {
	case SIDE_TAP:
		return is_tap(link);
	case SIDE_UPLINK:
		return !refusal_link(link);
	case SIDE_EITHER:
		return is_tap(link) || !refusal_link(link);
	case SIDE_NO_TAP:
		return !is_tap(link);
	case SIDE_NONE:
		break;
	}
	return false;
}

/* Queries the interface; -ENODEV if it is gone. */
static int find_link(struct nl_sock *route, uint32_t ifindex, struct interfaces *table)
{
	const struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
	cleanup_nl_msg *message = netlink_message(RTM_GETLINK, 0, &header, sizeof(header));

	return message ? netlink_request(route, message, interface_add_link, table) : -ENOMEM;
}

static bool numbers_fit(const struct kind *kind, const struct maker_request *request)
{
	if (request->number < kind->least || request->number > kind->most || request->offload > 1)
		return false;
	if (request->type == MAKER_SYSCTL && !change_sysctl_of(request->key))
		return false;
	if (request->type == MAKER_ROUTE_ADD && !ipv4_unicast(request->source))
		return false;
	return !kind->address || ipv4_unicast(request->address);
}

static bool name_fits(const struct maker_request *request)
{
	return ifname_valid(request->ifname) &&
	       !strncmp(request->ifname, TAP_PREFIX, strlen(TAP_PREFIX));
}

int maker_execute(struct nl_sock *route, const struct maker_request *request, uint32_t *ifindex,
		  int fds[MAKER_FDS_MAX], struct error *err)
{
	struct change change = { route, request, request->ifname, ifindex, fds };
	cleanup_interfaces struct interfaces table = { 0 };
	const struct kind *kind;
	int ret;

	memset(fds, -1, sizeof(int) * MAKER_FDS_MAX);
	if (request->type >= ARRAY_SIZE(kinds))
		return refuse(err);
	kind = &kinds[request->type];
	if (!numbers_fit(kind, request))
		return refuse(err);
	if (kind->side == SIDE_NONE)
		return name_fits(request) ? kind->make(&change, err) : refuse(err);
	ret = find_link(route, request->ifindex, &table);
	/* An address or a route is gone with its interface. */
	if (ret == -ENODEV &&
	    (request->type == MAKER_LINK_DELETE || request->type == MAKER_ROUTE_DELETE ||
	     request->type == MAKER_PROXY_DELETE))
		return 0;
	if (ret < 0 || table.link_count != 1)
		return error_set_errno(err, ret < 0 ? -ret : ENODEV, "cannot find interface %u",
				       request->ifindex);
	if (!side_fits(kind->side, &table.links[0]))
		return refuse(err);
	/* The name becomes part of messages. */
	change.ifname = ifname_valid(table.links[0].ifname) ? table.links[0].ifname : "IF";
	return kind->make(&change, err);
}

static size_t count_fds(const int fds[MAKER_FDS_MAX])
{
	size_t count = 0;

	while (count < MAKER_FDS_MAX && fds[count] >= 0)
		count++;
	return count;
}

union maker_control {
	char space[CMSG_SPACE(sizeof(int) * MAKER_FDS_MAX)];
	struct cmsghdr align;
};

static int send_answer(int socket, const struct maker_answer *answer, const int *fds, size_t count)
{
	struct iovec data = { (void *)answer, sizeof(*answer) };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };
	union maker_control control = { 0 };

	if (count) {
		message.msg_control = control.space;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * count);
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Executes one request; the tap's descriptors are the service's alone afterwards. */
static int serve(int socket, const struct maker_request *request, struct error *err)
{
	struct maker_answer answer = { 0 };
	cleanup_nl_sock *route = NULL;
	int fds[MAKER_FDS_MAX];
	int ret;

	memset(fds, -1, sizeof(fds));
	ret = netlink_open(NETLINK_ROUTE, &route, &answer.error);
	if (ret == 0)
		ret = maker_execute(route, request, &answer.ifindex, fds, &answer.error);
	answer.code = -ret;
	ret = send_answer(socket, &answer, fds, count_fds(fds));
	for (size_t i = 0; i < count_fds(fds); i++)
		close(fds[i]);
	return ret < 0 ? error_set_errno(err, -ret, "cannot answer the service") : 0;
}

int maker_run(int socket, struct error *err)
{
	struct maker_request request;
	int ret = 0;

	while (ret == 0) {
		const ssize_t size = recv(socket, &request, sizeof(request), 0);

		if (size == 0)
			return 0;
		if (size < 0 && errno != EINTR)
			return error_set_errno(err, errno, "cannot receive from the service");
		if (size != sizeof(request))
			return error_setf(err, STATUS_FAILURE, EPROTO, "malformed request");
		request.ifname[IFNAMSIZ - 1] = '\0';
		ret = serve(socket, &request, err);
	}
	return ret;
}

/* Takes the descriptors of an answer. */
static void take_fds(struct msghdr *message, int fds[MAKER_FDS_MAX])
{
	const struct cmsghdr *part = CMSG_FIRSTHDR(message);

	if (part && part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(part), part->cmsg_len - CMSG_LEN(0));
}

int maker_call(int socket, const struct maker_request *request, uint32_t *ifindex,
	       int fds[MAKER_FDS_MAX], struct error *err)
{
	struct maker_answer answer;
	struct iovec data = { &answer, sizeof(answer) };
	union maker_control control;
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control.space,
				  .msg_controllen = sizeof(control.space) };
	ssize_t size;

	memset(fds, -1, sizeof(int) * MAKER_FDS_MAX);
	if (send(socket, request, sizeof(*request), MSG_NOSIGNAL) < 0)
		return error_set_errno(err, errno, "cannot send a request to the maker");
	do {
		size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (size < 0 && errno == EINTR);
	if (size != sizeof(answer))
		return error_set_errno(err, ECONNRESET, "the maker has ended");
	take_fds(&message, fds);
	*ifindex = answer.ifindex;
	if (answer.code)
		*err = answer.error;
	return -answer.code;
}
