// SPDX-License-Identifier: GPL-2.0-or-later
// Gathers what the service needs to know for one step of a VM's request.
#include "netsetup/service/task.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsetup/kernel/network_dump.h"
#include "netsetup/service/answer.h"

/* A process may have this many groups (NGROUPS_MAX of linux/limits.h), and a primary one. */
#define GROUPS_MAX (65536 + 1)

/*
 * True in a process that can only do dry runs, for the user who has started it. Threat: the process
 * has no capabilities otherwise either, the maker has them. Test: test_record in
 * tests/lab/security/test_hostile_caller.py.
 */
static bool is_own_user(const struct state *state, uid_t uid)
{
	return state->dir < 0 && uid == geteuid();
}

/* Reads the policy for a client: who it is, the kernel says. */
static int load_policy(struct task *task, const struct state *state, int client, struct error *err)
{
	static gid_t groups[GROUPS_MAX];
	socklen_t size = sizeof(groups) - sizeof(gid_t), peer_size = sizeof(struct ucred);
	struct ucred peer;

	if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) < 0 ||
	    getsockopt(client, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return error_set_errno(err, errno, "cannot identify the client");
	if (peer.uid == 0 || is_own_user(state, peer.uid))
		return 0;
	task->authorization = malloc(sizeof(*task->authorization));
	if (!task->authorization)
		return error_set_errno(err, ENOMEM, "cannot read the policy");
	groups[size / sizeof(gid_t)] = peer.gid;
	authorize_load(task->authorization, NETSETUP_CONF, peer.uid, groups,
		       size / sizeof(gid_t) + 1);
	return 0;
}

int task_permitted(const struct state *state, int client, struct error *err)
{
	cleanup_task task = { 0 };
	int ret;

	ret = load_policy(&task, state, client, err);
	if (ret < 0 || !task.authorization || !task.authorization->refusal.code)
		return ret;
	*err = task.authorization->refusal;
	return -EACCES;
}

int task_host(struct task *task, const struct state *state, const struct vm *vm, struct error *err)
{
	*task = (struct task){ .host.maker = state->maker };
	if (vm && vm->client >= 0 && (vm->record.attach.verbose || vm->record.attach.dry_run)) {
		task->host.report = answer_change;
		task->host.context = (void *)&vm->client;
	}
	task->host.dry_run = vm && vm->record.attach.dry_run;
	return netlink_open(NETLINK_ROUTE, &task->host.route, err);
}

/*
 * Threat: a user has more addresses of the LAN than root permits, by VMs with many cards. Each card
 * is a record of its own here, and counts. Test: test_cards in tests/lab/security/test_policy.py.
 */
static unsigned int count_others(const struct state *state, const struct vm *vm)
{
	unsigned int count = 0;

	for (const struct vm *other = state->vms; other; other = other->next)
		count += other != vm && other->record.uid == vm->record.uid &&
			 !other->record.attach.dry_run && !other->record.attach.question;
	return count;
}

/* Chooses the path of a VM that has none yet, and names no path. */
static void choose_path(struct task *task, struct vm *vm)
{
	struct error ignored;

	if (vm->record.path == PATH_AUTO)
		vm->record.path = vm->record.attach.path;
	if (vm->record.path == PATH_AUTO) {
		task->request.path = PATH_ROUTED;
		vm->record.path = authorize_check(task->authorization, &task->request, &ignored) ==
						  0
					  ? PATH_ROUTED
					  : PATH_BRIDGED;
	}
	task->request.path = (enum network_path)vm->record.path;
}

int task_begin(struct task *task, const struct state *state, struct vm *vm, struct error *err)
{
	const struct attach_record *attach = &vm->record.attach;
	int ret;

	ret = task_host(task, state, vm, err);
	if (ret == 0 && vm->client >= 0)
		ret = load_policy(task, state, vm->client, err);
	if (ret == 0 && task->authorization && task->authorization->refusal.code) {
		*err = task->authorization->refusal;
		ret = -EACCES;
	}
	if (ret == 0)
		ret = network_dump(&task->table, err);
	if (ret == 0)
		ret = uplink_check(&task->table, attach->ifindex, attach->host, &vm->uplink, err);
	if (ret < 0)
		return ret;
	task->request = (struct request){
		.uplink = vm->uplink.ifname,
		.named = attach->named || !vm->uplink.has_default,
		.unprobed = attach->probe == PROBE_NONE && !attach->question,
		.firewall = attach->firewall == FIREWALL_ALLOW,
		.path = (enum network_path)(vm->record.path ? vm->record.path : attach->path),
		.vms = attach->question ? 0 : count_others(state, vm),
		.card = attach->card
	};
	ret = task_authorize(task, (struct in_addr){ INADDR_ANY }, err);
	if (ret == 0)
		choose_path(task, vm);
	return ret;
}

int task_authorize(const struct task *task, struct in_addr address, struct error *err)
{
	struct request request = task->request;

	request.address = address;
	return authorize_check(task->authorization, &request, err);
}

/* True if a dry run must avoid the address of another one: that of another card of its own VM. */
static bool same_dry_run(const struct attach_record *a, const struct attach_record *b)
{
	return a->dry_run && a->owner == b->owner && !strcmp(a->name, b->name);
}

/* Adds the addresses of other VMs and cards, and those that are probed for them. */
static int list_in_use(struct task *task, const struct state *state, const struct vm *vm,
		       struct error *err)
{
	for (const struct vm *other = state->vms; other; other = other->next) {
		if (other == vm || (other->record.attach.dry_run &&
				    !same_dry_run(&vm->record.attach, &other->record.attach)))
			continue;
		address_set_add(&task->in_use, other->record.address);
		for (size_t i = 0; other->phase != VM_IDLE && i < other->search.batch_size; i++)
			address_set_add(&task->in_use, other->search.batch[i].address);
	}
	return task->in_use.failed
		       ? error_set_errno(err, ENOMEM, "cannot list the addresses in use")
		       : 0;
}

int task_search(struct task *task, const struct state *state, const struct vm *vm,
		struct search_context *context, struct error *err)
{
	int ret;

	ret = known_hosts_read(task->host.route, &task->table, vm->uplink.ifindex, &task->hosts,
			       err);
	if (ret == 0)
		ret = list_in_use(task, state, vm, err);
	*context = (struct search_context){ .attach = &vm->record.attach,
					    .uplink = &vm->uplink,
					    .authorization = task->authorization,
					    .request = task->request,
					    .router_mac = vm->router_mac,
					    .tap_ifindex = vm->record.tap_ifindex,
					    .route = task->host.route,
					    .hosts = &task->hosts,
					    .in_use = &task->in_use };
	return ret;
}

void task_done(struct task *task)
{
	nl_socket_free(task->host.route);
	interface_table_done(&task->table);
	known_hosts_done(&task->hosts);
	address_set_done(&task->in_use);
	free(task->authorization);
}
