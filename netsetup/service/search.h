// SPDX-License-Identifier: GPL-2.0-or-later
// Searches a free address for a VM, in batches that the worker probes.
#ifndef NETSETUP_SERVICE_SEARCH_H
#define NETSETUP_SERVICE_SEARCH_H

#include "netsetup/policy/authorize.h"
#include "netsetup/protocol/protocol.h"
#include "netsetup/service/candidate.h"
#include "netsetup/service/known_hosts.h"
#include "netsetup/service/uplink_check.h"
#include "netsetup/worker/worker_message.h"

/*
 * Theory of operation: search_begin() chooses the first batch. The caller has it probed, unless
 * search_unprobed() is true, and hands the results to search_continue(), which finds a free address
 * or chooses the next batch. The addresses of the present batch are taken for all other searches.
 */

/**
 * struct search_context - all that a search needs; must live during the call only.
 * @attach: the request.
 * @uplink: verified.
 * @authorization: may be NULL.
 * @request: for the policy, with the uplink and the number of other VMs.
 * @router_mac: the router's hardware address; zero if unknown.
 * @tap_ifindex: the VM's tap, through which its present address is reached; 0: none.
 * @route: rtnetlink socket; NULL: no route is looked up.
 * @hosts: known addresses.
 * @in_use: addresses of other VMs, and those that are probed for them.
 */
struct search_context {
	const struct attach_record *attach;
	const struct uplink_facts *uplink;
	const struct authorization *authorization;
	struct request request;
	struct ether_addr router_mac;
	unsigned int tap_ifindex;
	struct nl_sock *route;
	struct known_hosts *hosts;
	struct address_set *in_use;
};

/**
 * struct search - one search. All zero is none.
 * @remembered: the VM's last address here, or 0.0.0.0.
 * @here: false if @remembered is of another network.
 * @batch: the @batch_size addresses that are probed.
 * @kind: timing of the probe.
 */
struct search {
	bool fixed;
	struct candidates candidates;
	struct in_addr remembered;
	bool here;
	bool try_remembered;
	unsigned int probed;
	size_t size;
	enum probe_kind kind;
	struct probe batch[PROBE_BATCH_MAX];
	size_t batch_size;
};

/**
 * search_begin() - check the request and choose the first batch.
 * @err: the reason why no address can be had; the remedy may name the policy's line.
 *
 * Return: 0 or a negative errno.
 */
int search_begin(struct search *search, const struct search_context *context, struct error *err);

/**
 * search_continue() - use the results of the batch, or choose the next one.
 * @address: the free address.
 *
 * Return: 1 if @address is free, 0 if the next batch must be probed, or a negative errno.
 */
int search_continue(struct search *search, const struct search_context *context,
		    struct in_addr *address, struct error *err);

/**
 * search_needs_router() - true if the router's unknown hardware address would decide which of the
 * remembered addresses is the one of this network.
 */
bool search_needs_router(const struct search_context *context);

/* search_unprobed() - true if the batch must not be probed: the request and the policy say so. */
bool search_unprobed(const struct search_context *context);

#endif
