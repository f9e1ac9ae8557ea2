// SPDX-License-Identifier: GPL-2.0-or-later
// Makes one change to the host for each kind of request.
#ifndef NETSETUP_MAKER_CHANGE_H
#define NETSETUP_MAKER_CHANGE_H

#include "netsetup/base/ifname.h"
#include "netsetup/maker/maker.h"

#define CHANGE_PROTOCOL ROUTES_PROTOCOL

/*
 * Highest preference of our policy rules. Programs that choose one take a higher one: Tailscale
 * 5210 to 5270, clash and sing-box 9000, NetworkManager 30000 and more. A rule without one
 * (wg-quick) gets one less than the first rule after that of the local table
 * (fib_default_rule_pref() in net/core/fib_rules.c), so the service leaves room below.
 */
#define CHANGE_PREFERENCE_MAX 118

/**
 * struct change - one change.
 * @route: rtnetlink socket.
 * @request: checked.
 * @ifname: name of the request's interface.
 * @tap: name of the request's tap.
 * @ifindex, @fds: the answer.
 */
struct change {
	struct nl_sock *route;
	const struct maker_request *request;
	const char *ifname;
	const char *tap;
	uint32_t *ifindex;
	int *fds;
};

/* Each function makes its change and returns 0 or a negative errno. */
int change_tap_add(const struct change *change, struct error *err);
int change_link_up(const struct change *change, struct error *err);
int change_link_down(const struct change *change, struct error *err);
int change_link_delete(const struct change *change, struct error *err);
int change_sysctl(const struct change *change, struct error *err);
int change_route_add(const struct change *change, struct error *err);
int change_route_delete(const struct change *change, struct error *err);
int change_proxy_add(const struct change *change, struct error *err);
int change_proxy_delete(const struct change *change, struct error *err);
int change_arp_socket(const struct change *change, struct error *err);
int change_frame_socket(const struct change *change, struct error *err);
int change_dhcp_socket(const struct change *change, struct error *err);
int change_table_open(const struct change *change, struct error *err);
int change_table_bridge(const struct change *change, struct error *err);
int change_table_refresh(const struct change *change, struct error *err);
int change_table_vm(const struct change *change, struct error *err);
int change_table_vm_delete(const struct change *change, struct error *err);
int change_table_delete(const struct change *change, struct error *err);
int change_table_dump(const struct change *change, struct error *err);
int change_rule_add(const struct change *change, struct error *err);
int change_rule_delete(const struct change *change, struct error *err);
int change_tap_route_add(const struct change *change, struct error *err);
int change_tap_route_delete(const struct change *change, struct error *err);
int change_ask_open(const struct change *change, struct error *err);
int change_ask_listen(const struct change *change, struct error *err);
int change_allow_add(const struct change *change, struct error *err);
int change_allow_sweep(const struct change *change, struct error *err);
int change_allow_delete(const struct change *change, struct error *err);

/* change_sysctl_of() - the value of number @key; its interface is not filled in. NULL: none. */
const struct sysctl *change_sysctl_of(uint32_t key);

#endif
