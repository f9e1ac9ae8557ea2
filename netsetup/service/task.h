// SPDX-License-Identifier: GPL-2.0-or-later
// Gathers what the service needs to know for one step of a VM's request.
#ifndef NETSETUP_SERVICE_TASK_H
#define NETSETUP_SERVICE_TASK_H

#include "netsetup/service/state.h"

/**
 * struct task - one step: the host and the policy as they are now.
 * @host: with a netlink socket of its own.
 * @table: links, addresses, default routes.
 * @authorization: of the client; NULL for user 0.
 * @request: the request for the policy, without an address.
 * @hosts, @in_use: see struct search_context; empty before task_search().
 */
struct task {
	struct host host;
	struct interfaces table;
	struct authorization *authorization;
	struct request request;
	struct known_hosts hosts;
	struct address_set in_use;
};

/**
 * task_host() - open the host for a VM's client, which is sent the changes if it asked for them.
 * @vm: may be NULL.
 *
 * Return: 0 or a negative errno. The caller must call task_done() in any case.
 */
int task_host(struct task *task, const struct state *state, const struct vm *vm, struct error *err);

/**
 * task_begin() - task_host(), then verify the uplink of the VM's request into @vm->uplink, and
 * check the client's policy.
 *
 * Return: 0, -EACCES if the policy refuses, or another negative errno.
 */
int task_begin(struct task *task, const struct state *state, struct vm *vm, struct error *err);

/* task_authorize() - check the policy for an address of the VM; 0 or -EACCES. */
int task_authorize(const struct task *task, struct in_addr address, struct error *err);

/* task_permitted() - check that the policy permits a client anything; 0 or a negative errno. */
int task_permitted(const struct state *state, int client, struct error *err);

/**
 * task_search() - gather the known addresses for a search.
 * @context: filled in; must not outlive @task and @vm.
 *
 * Return: 0 or a negative errno.
 */
int task_search(struct task *task, const struct state *state, const struct vm *vm,
		struct search_context *context, struct error *err);

/* task_done() - free all of it. */
void task_done(struct task *task);

#define cleanup_task __attribute__((cleanup(task_done))) struct task

#endif
