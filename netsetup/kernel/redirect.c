// SPDX-License-Identifier: GPL-2.0-or-later
// Redirects frames of one interface into another by its traffic control.
#include "netsetup/kernel/redirect.h"

#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <netinet/in.h>

#include "netsetup/base/cleanup.h"

static struct nl_msg *traffic_message(int type, int flags, const struct tcmsg *header,
				      const char *kind)
{
	cleanup_nl_msg *message = netlink_message(type, flags, header, sizeof(*header));

	if (!message || nla_put_string(message, TCA_KIND, kind) < 0)
		return NULL;
	return take_ptr(&message);
}

int redirect_qdisc(struct nl_sock *route, unsigned int ifindex)
{
	const struct tcmsg header = { .tcm_family = AF_UNSPEC,
				      .tcm_ifindex = (int)ifindex,
				      .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
				      .tcm_parent = TC_H_CLSACT };
	cleanup_nl_msg *message = NULL;

	message = traffic_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &header, "clsact");
	return message ? netlink_request(route, message, NULL, NULL) : -ENOMEM;
}

/* The only action: the frame enters the interface @to. */
static int put_redirect(struct nl_msg *message, int type, unsigned int to)
{
	const struct tc_mirred redirect = { .action = TC_ACT_STOLEN,
					    .eaction = TCA_INGRESS_REDIR,
					    .ifindex = to };
	struct nlattr *actions = nla_nest_start(message, type);
	struct nlattr *first = actions ? nla_nest_start(message, 1) : NULL;
	struct nlattr *options;

	if (!first || nla_put_string(message, TCA_ACT_KIND, "mirred") < 0)
		return -ENOMEM;
	options = nla_nest_start(message, TCA_ACT_OPTIONS);
	if (!options || nla_put(message, TCA_MIRRED_PARMS, sizeof(redirect), &redirect) < 0)
		return -ENOMEM;
	nla_nest_end(message, options);
	nla_nest_end(message, first);
	nla_nest_end(message, actions);
	return 0;
}

static int put_program(struct nl_msg *message, const struct redirect *redirect)
{
	const size_t size = redirect->count * sizeof(*redirect->program);

	if (nla_put_u16(message, TCA_BPF_OPS_LEN, redirect->count) < 0 ||
	    nla_put(message, TCA_BPF_OPS, (int)size, redirect->program) < 0 ||
	    (!redirect->to && nla_put_u32(message, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT) < 0))
		return -ENOMEM;
	return 0;
}

int redirect_add(struct nl_sock *route, const struct redirect *redirect)
{
	const unsigned int minor = redirect->egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS;
	const struct tcmsg header = { .tcm_family = AF_UNSPEC,
				      .tcm_ifindex = (int)redirect->from,
				      .tcm_handle = 1,
				      .tcm_parent = TC_H_MAKE(TC_H_CLSACT, minor),
				      .tcm_info = TC_H_MAKE((unsigned int)redirect->priority << 16,
							    htons(redirect->protocol)) };
	cleanup_nl_msg *message = NULL;
	struct nlattr *options;
	int ret = 0;

	message = traffic_message(RTM_NEWTFILTER, NLM_F_CREATE, &header,
				  redirect->program ? "bpf" : "matchall");
	options = message ? nla_nest_start(message, TCA_OPTIONS) : NULL;
	if (!options)
		return -ENOMEM;
	if (redirect->program)
		ret = put_program(message, redirect);
	if (ret == 0 && redirect->to)
		ret = put_redirect(message, redirect->program ? TCA_BPF_ACT : TCA_MATCHALL_ACT,
				   redirect->to);
	if (ret < 0)
		return ret;
	nla_nest_end(message, options);
	return netlink_request(route, message, NULL, NULL);
}
