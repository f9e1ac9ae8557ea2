// SPDX-License-Identifier: GPL-2.0-or-later
// Has the kernel asked if it forwards a VM's packets, and lets a firewall accept them.
#include "netsetup/service/ask.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/clock.h"
#include "netsetup/base/stall.h"
#include "netsetup/kernel/network_dump.h"
#include "netsetup/kernel/query.h"
#include "netsetup/maker/allow.h"
#include "netsetup/service/answer.h"
#include "netsetup/service/task.h"

/* Chains that drop the guest's packets, one after the other. */
#define ROUNDS_MAX 6

/* Addresses that are looked at for one that no station has. */
#define STATIONS_MAX 32

/* Messages of one turn, and the largest one. */
#define TURN_MAX     256
#define RECEIVE_SIZE 32768

/* Our tables, whose changes are no news. */
#define OWN_TABLES "vmrun-"

static bool is_other_host(const struct state *state, const struct vm *vm, struct in_addr address)
{
	if (!ipv4_prefix_host(&vm->uplink.prefix, address) ||
	    ipv4_equal(address, vm->uplink.prefix.address) ||
	    ipv4_equal(address, vm->uplink.router) || ipv4_equal(address, vm->record.address))
		return false;
	for (const struct vm *other = state->vms; other; other = other->next)
		if (ipv4_equal(other->record.address, address))
			return false;
	return true;
}

/*
 * Chooses an address of the LAN from which and to which the samples are. No packet reaches it. This
 * is one that is not known, if there is one, or the router's.
 */
static struct in_addr choose_station(const struct state *state, struct host *host,
				     const struct vm *vm)
{
	const uint32_t last = ntohl(ipv4_prefix_broadcast(&vm->uplink.prefix).s_addr);
	struct in_addr station = vm->uplink.router;

	for (uint32_t i = 1; i <= STATIONS_MAX; i++) {
		const struct in_addr address = { htonl(last - i) };
		struct ether_addr mac;

		if (!is_other_host(state, vm, address))
			continue;
		station = address;
		if (query_neighbour(host->route, address, vm->uplink.ifindex, &mac) != 1)
			break;
	}
	return station;
}

static void close_both(const int fds[ASK_FDS])
{
	close(fds[ASK_GATE]);
	close(fds[ASK_TRACE]);
}

/* Opens the question and gives it to the worker. */
static int send_question(struct state *state, struct host *host, struct vm *vm)
{
	struct worker_message message = { .type = WORKER_ASK,
					  .vm = vm->record.id,
					  .mac = vm->record.attach.mac,
					  .address = vm->record.address,
					  .uplink = vm->uplink.ifindex,
					  .tap = vm->record.tap_ifindex };
	struct error ignored;
	int fds[ASK_FDS];
	int ret;

	message.host = choose_station(state, host, vm);
	if (ipv4_unset(message.host))
		return -EADDRNOTAVAIL;
	ret = host_ask_open(host, vm_tap(vm), uplink_check_id(&vm->uplink), message.address,
			    message.host, fds, &ignored);
	if (ret < 0)
		return ret;
	message.job = ++vm->job;
	ret = worker_link_send(&state->worker, &message, fds, ASK_FDS, &ignored);
	close_both(fds);
	return ret;
}

/* Sends the verdict to the client that waits for it, whose connection ends. */
static void answer_asker(struct vm *vm)
{
	if (vm->ask.asker <= 0)
		return;
	answer_verdict(vm->ask.asker, &vm->ask.verdict);
	answer_header(vm->ask.asker, RECORD_DONE, -1);
	stall_close(vm->ask.asker);
	vm->ask.asker = 0;
}

/* Without an answer the VM runs all the same, and nothing is known. */
static bool ask(struct state *state, struct host *host, struct vm *vm)
{
	vm->ask.at = 0;
	vm->ask.last = monotonic_ms();
	if (send_question(state, host, vm) == 0) {
		vm->phase = VM_SAMPLING;
		return true;
	}
	vm->ask.verdict = (struct verdict){ 0 };
	answer_asker(vm);
	return false;
}

static bool is_asked_for(const struct vm *vm)
{
	return vm->record.attach.firewall != FIREWALL_OFF && !vm->record.attach.dry_run &&
	       vm->record.path != PATH_BRIDGED;
}

/* Hears of changes from the first question on. */
static void listen_for_changes(struct state *state, struct host *host)
{
	struct error ignored;
	const int fd = state->ruleset > 0 ? -1 : host_ask_listen(host, &ignored);

	if (fd > 0)
		state->ruleset = fd;
}

bool ask_begin(struct state *state, struct host *host, struct vm *vm)
{
	struct error ignored;

	if (!is_asked_for(vm) || (vm->ask.ifindex == vm->uplink.ifindex &&
				  ipv4_equal(vm->ask.address, vm->record.address)))
		return false;
	/* The rules of a former place would let others' packets pass here. */
	if (vm->ask.ifindex)
		ask_undo(host, vm, &ignored);
	vm->ask.ifindex = vm->uplink.ifindex;
	vm->ask.address = vm->record.address;
	vm->ask.rounds = 0;
	listen_for_changes(state, host);
	if (!vm->record.answered)
		return ask(state, host, vm);
	/* After a restart all VMs come at once: what one of them needs must not wait for this. */
	vm->ask.at = monotonic_ms() + ASK_DEBOUNCE_MS;
	return false;
}

/* Returns true if a chain was added to. */
static bool add_rules(struct state *state, struct host *host, struct vm *vm)
{
	const struct verdict *verdict = &vm->ask.verdict;
	const uint32_t before = vm->record.ruled;
	struct error ignored;
	bool added = false, unsure = false;

	vm->record.ruled = 1;
	if (state_save(state, &ignored) < 0)
		return false;
	for (size_t i = 0; i < verdict->culprit_count; i++) {
		const struct verdict_culprit *culprit = &verdict->culprits[i];
		int ret = -ENAMETOOLONG;

		if (culprit->base[0])
			ret = host_allow_add(host, culprit, vm->record.attach.uuid, vm_tap(vm),
					     uplink_check_id(&vm->uplink), vm->record.address,
					     &ignored);
		added = added || ret == 0;
		/* A maker that was killed may have added them. */
		unsure = unsure || (ret != -EPERM && ret != -ENAMETOOLONG);
		vm->ask.refused = vm->ask.refused || ret < 0;
	}
	if (!unsure)
		vm->record.ruled = before;
	return added;
}

/*
 * Threat: a move that fails before the policy is read leaves its FIREWALL_ALLOW in the request, and
 * the VM runs on: a user who may not change the firewall gets its rules. Check: the request is
 * authorized anew. Test: test_firewall_by_a_failed_move in tests/lab/security/test_attacks.py.
 */
static bool allow_more(struct state *state, struct vm *vm)
{
	cleanup_task task = { 0 };
	struct error ignored;

	return vm->record.attach.firewall == FIREWALL_ALLOW && vm->ask.verdict.culprit_count &&
	       vm->ask.rounds++ < ROUNDS_MAX && task_begin(&task, state, vm, &ignored) == 0 &&
	       task_authorize(&task, vm->record.address, &ignored) == 0 &&
	       add_rules(state, &task.host, vm) && ask(state, &task.host, vm);
}

bool ask_answered(struct state *state, struct vm *vm, const struct worker_message *message)
{
	vm->phase = VM_IDLE;
	vm->ask.verdict = message->verdict;
	if (allow_more(state, vm))
		return false;
	vm->ask.verdict.allowed = vm->record.ruled != 0;
	vm->ask.verdict.refused = vm->ask.refused;
	vm->ask.rounds = 0;
	vm->ask.refused = false;
	answer_asker(vm);
	return true;
}

/* True if a message is about a table, a chain or a rule of another program. */
static bool is_news(struct nlmsghdr *message)
{
	struct nlattr *table;

	if (message->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    !nlmsg_valid_hdr(message, sizeof(struct nfgenmsg)))
		return false;
	switch (message->nlmsg_type & 0xff) {
	case NFT_MSG_NEWRULE:
		if (memmem(nlmsg_data(message), (size_t)nlmsg_datalen(message), ALLOW_COMMENT,
			   strlen(ALLOW_COMMENT)))
			return false;
		break;
	case NFT_MSG_NEWTABLE:
	case NFT_MSG_DELTABLE:
	case NFT_MSG_NEWCHAIN:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_DELRULE:
		break;
	default:
		return false;
	}
	/* NFTA_TABLE_NAME and NFTA_CHAIN_TABLE are the same number. */
	table = nlmsg_find_attr(message, sizeof(struct nfgenmsg), NFTA_RULE_TABLE);
	return !table || nla_len(table) <= (int)strlen(OWN_TABLES) ||
	       memcmp(nla_data(table), OWN_TABLES, strlen(OWN_TABLES)) != 0;
}

static bool has_news(void *octets, int size)
{
	bool news = false;

	for (struct nlmsghdr *message = octets; nlmsg_ok(message, size);
	     message = nlmsg_next(message, &size))
		news = news || is_news(message);
	return news;
}

void ask_event(struct state *state)
{
	static union {
		struct nlmsghdr align;
		char octets[RECEIVE_SIZE];
	} buffer;
	const uint64_t now = monotonic_ms();
	bool news = false;

	for (int i = 0; i < TURN_MAX; i++) {
		const ssize_t size = recv(state->ruleset, &buffer, sizeof(buffer), MSG_DONTWAIT);

		if (size < 0 && errno != ENOBUFS)
			break;
		news = size < 0 || has_news(&buffer, (int)size) || news;
	}
	for (struct vm *vm = state->vms; news && vm; vm = vm->next) {
		const uint64_t soon = now + ASK_DEBOUNCE_MS, next = vm->ask.last + ASK_INTERVAL_MS;

		if (is_asked_for(vm) && !vm->ask.at)
			vm->ask.at = soon > next ? soon : next;
	}
}

static bool is_waiting(const struct vm *vm)
{
	return vm->ask.at && vm->phase == VM_IDLE && vm->record.answered &&
	       vm->record.published_on == vm->uplink.ifindex;
}

uint64_t ask_due(const struct state *state)
{
	uint64_t due = UINT64_MAX;

	for (const struct vm *vm = state->vms; vm; vm = vm->next)
		if (is_waiting(vm) && vm->ask.at < due)
			due = vm->ask.at;
	return due;
}

/* False if this host has left the uplink or its address there since the last request. */
static bool uplink_stays(struct task *task, const struct vm *vm)
{
	struct uplink_facts now;
	struct error ignored;

	return network_dump(&task->table, &ignored) == 0 &&
	       uplink_check(&task->table, vm->uplink.ifindex, vm->uplink.prefix.address, &now,
			    &ignored) == 0;
}

static void step_one(struct state *state, uint64_t now)
{
	cleanup_task task = { 0 };
	struct error ignored;

	for (struct vm *vm = state->vms; vm; vm = vm->next) {
		if (!is_waiting(vm) || now < vm->ask.at)
			continue;
		vm->ask.at = 0;
		if (task_host(&task, state, vm, &ignored) == 0 && uplink_stays(&task, vm))
			ask(state, &task.host, vm);
		else
			/* The next move has its new place asked for. */
			vm->ask.address.s_addr = INADDR_ANY;
		return;
	}
}

void ask_step(struct state *state, uint64_t now)
{
	step_one(state, now);
	/* No verdict comes for a VM that has lost its place meanwhile, or keeps its former one. */
	for (struct vm *vm = state->vms; vm; vm = vm->next)
		if (vm->phase == VM_IDLE && !is_waiting(vm))
			answer_asker(vm);
}

int ask_client(struct state *state, const struct attach_record *question, int *socket,
	       struct error *err)
{
	const uint64_t now = monotonic_ms();
	bool busy = now < state->questioned + ASK_CLIENT_MS;
	struct vm *own = NULL;

	for (struct vm *vm = state->vms; vm; vm = vm->next) {
		busy = busy || vm->record.attach.question;
		if (is_asked_for(vm) && vm->record.answered && vm->client >= 0 &&
		    vm->record.attach.owner == question->owner &&
		    vm->record.published_on == question->ifindex)
			own = vm;
	}
	if (busy || (own && own->ask.asker > 0))
		return error_setf(err, STATUS_FAILURE, EBUSY,
				  "another question to the kernel has just been asked");
	state->questioned = now;
	if (!own)
		return 0;
	own->ask.asker = take_fd(socket);
	own->ask.at = now;
	return 0;
}

bool ask_bridges(const struct vm *vm)
{
	const uint8_t forwarding = vm->ask.verdict.forwarding;

	/* A guest that asks for this host's routes has them on the routed path only. */
	return !vm->record.answered && vm->record.attach.path == PATH_AUTO &&
	       vm->record.path == PATH_ROUTED && !vm->record.attach.host_routes &&
	       (forwarding == FORWARDING_PARTLY || forwarding == FORWARDING_CLOSED);
}

int ask_undo(struct host *host, struct vm *vm, struct error *err)
{
	int ret;

	if (!vm->record.ruled)
		return 0;
	ret = host_allow_delete(host, vm->record.attach.uuid, err);
	if (ret == 0)
		vm->record.ruled = vm->ask.verdict.allowed = 0;
	return ret;
}
