// SPDX-License-Identifier: GPL-2.0-or-later
// Serves the sockets of one VM.
#include "netsetup/worker/worker_vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/clock.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/arp.h"
#include "netsetup/kernel/arp_socket.h"
#include "netsetup/maker/ask.h"

/* ARP packets of one turn. */
#define TURN_MAX 64

/* Larger than the number of packets in a packet socket's buffer. */
#define DRAIN_MAX 1024

/* Retry when the service does not read its messages. */
#define RETRY_MS 10

static const struct in_addr everything = { INADDR_ANY };
static const struct in_addr nothing = { INADDR_BROADCAST };

static uint64_t boottime_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct worker_vm *worker_vm_new(uint32_t number, int service)
{
	struct worker_vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return NULL;
	vm->number = number;
	vm->service = service;
	vm->arp = -1;
	vm->relay.tap = vm->relay.client = -1;
	vm->stranger = (struct stranger){ .socket = -1, .listen_at = UINT64_MAX };
	vm->question.gate = vm->question.trace = -1;
	vm->access = (struct access_probe)ACCESS_PROBE_CLOSED;
	return vm;
}

void worker_vm_free(struct worker_vm *vm)
{
	if (!vm)
		return;
	if (vm->arp >= 0)
		close(vm->arp);
	dhcp_relay_close(&vm->relay);
	stranger_close(&vm->stranger);
	question_close(&vm->question);
	access_probe_close(&vm->access);
	free(vm);
}

/* Returns true if the message need not be sent again. Without a service, the worker ends soon. */
static bool answer(const struct worker_vm *vm, struct worker_message *message)
{
	message->vm = vm->number;
	return send(vm->service, message, sizeof(*message), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
	       errno == EPIPE || errno == ECONNRESET;
}

static bool is_probing(const struct worker_vm *vm)
{
	return vm->batch.timing;
}

static bool is_searching(const struct worker_vm *vm)
{
	return !ipv4_unset(vm->router.address);
}

static bool is_defending(const struct worker_vm *vm)
{
	return !ipv4_unset(vm->acd.address);
}

/* Returns the address whose packets are needed. One filter cannot serve two addresses. */
static struct in_addr needed(const struct worker_vm *vm)
{
	if (is_probing(vm) || (is_searching(vm) && is_defending(vm)))
		return everything;
	if (is_searching(vm))
		return vm->router.address;
	return is_defending(vm) ? vm->acd.address : nothing;
}

/* Has the kernel drop the packets that nothing here needs, so that they do not wake the worker. */
static int set_filter(struct worker_vm *vm, struct error *err)
{
	const struct in_addr address = needed(vm);

	if (ipv4_equal(address, vm->filter))
		return 0;
	if (arp_socket_listen(vm->arp, address, err) < 0)
		return -err->code;
	vm->filter = address;
	return 0;
}

static void send_conflict(const struct worker_vm *vm, const struct ether_addr *mac)
{
	struct worker_message message = { .type = WORKER_CONFLICT,
					  .mac = *mac,
					  .address = vm->acd.address };

	answer(vm, &message);
}

/*
 * An access point that answers ARP for its stations repeats our own packets, and does not know at
 * once that the station has another hardware address.
 */
static bool is_own(const struct worker_vm *vm, const struct ether_addr *mac)
{
	static const struct ether_addr none;

	for (size_t i = 0; i < ARRAY_SIZE(vm->own) && memcmp(&vm->own[i], &none, sizeof(none)) != 0;
	     i++)
		if (!memcmp(&vm->own[i], mac, sizeof(*mac)))
			return true;
	return !memcmp(&vm->mac, mac, sizeof(*mac));
}

static void apply(struct worker_vm *vm, const struct arp *arp)
{
	if (is_own(vm, &arp->sender_mac))
		return;
	if (is_probing(vm))
		probe_receive(&vm->batch, &vm->mac, arp);
	router_receive(&vm->router, arp);
	/*
	 * Threat: a user gives a VM a station's hardware address, and has its address, too. Check:
	 * packets from there count until the address is the guest's. Test: test_a_stations_mac in
	 * tests/lab/security/test_attacks.py.
	 */
	if (!memcmp(&arp->sender_mac, &vm->guest, sizeof(vm->guest)))
		return;
	if (acd_receive(&vm->acd, vm->arp, &vm->mac, arp, boottime_ms()))
		send_conflict(vm, &arp->sender_mac);
}

/* An interface that is down ends the probes; its other jobs go on when it is up again. */
static void on_error(struct worker_vm *vm, int error)
{
	if (is_probing(vm))
		probe_fail(&vm->batch, error);
	if (is_searching(vm))
		vm->router.error = error;
	vm->deaf = error != ENETDOWN;
}

static void receive(struct worker_vm *vm, unsigned int max)
{
	for (unsigned int i = 0; i < max; i++) {
		struct arp arp;
		int ret = arp_receive(vm->arp, &arp);

		if (ret == -EAGAIN)
			return;
		if (ret < 0)
			return on_error(vm, -ret);
		apply(vm, &arp);
	}
}

void worker_vm_receive(struct worker_vm *vm)
{
	receive(vm, TURN_MAX);
}

void worker_vm_receive_source(struct worker_vm *vm)
{
	struct worker_message message = { .type = WORKER_STRANGER };

	if (stranger_receive(&vm->stranger, &message.address, &message.mac))
		answer(vm, &message);
}

static void step_probes(struct worker_vm *vm, uint64_t now)
{
	struct worker_message message = { .type = WORKER_PROBED };
	struct probe_batch *batch = &vm->batch;

	if (!is_probing(vm) || !probe_step(batch, vm->arp, &vm->mac, now))
		return;
	message.job = batch->job;
	message.error = batch->error;
	message.count = (uint32_t)batch->count;
	memcpy(message.probes, batch->probes, sizeof(message.probes));
	if (answer(vm, &message))
		batch->timing = NULL;
	batch->deadline = now + RETRY_MS;
}

static void step_router(struct worker_vm *vm, uint64_t now)
{
	struct worker_message message = { .type = WORKER_FOUND };
	struct router *router = &vm->router;

	if (!is_searching(vm) || !router_step(router, vm->arp, &vm->mac, now))
		return;
	message.job = router->job;
	message.error = router->error;
	message.mac = router->mac;
	if (answer(vm, &message))
		*router = (struct router){ 0 };
	router->deadline = now + RETRY_MS;
}

static void step_question(struct worker_vm *vm, uint64_t now)
{
	struct worker_message message = { .type = WORKER_ASKED };
	struct question *question = &vm->question;

	if (!question->job)
		return;
	if (question->gate >= 0)
		question_receive(question);
	if (question->gate >= 0 && !question_step(question, now))
		return;
	/* Before the answer: the service may ask again at once, by a gate of the same name. */
	question_close(question);
	message.job = question->job;
	message.verdict = question->verdict;
	if (answer(vm, &message))
		question->job = 0;
	else
		question->deadline = now + RETRY_MS;
}

static void step_access(struct worker_vm *vm, uint64_t now)
{
	struct worker_message message = { .type = WORKER_ACCESSED, .job = vm->access.job };

	if (now >= vm->access.deadline)
		access_probe_receive(&vm->access, now);
	if (!access_probe_step(&vm->access, now))
		return;
	message.kind = (uint8_t)vm->access.result;
	if (answer(vm, &message))
		access_probe_end(&vm->access, now);
	else
		vm->access.deadline = now + RETRY_MS;
}

/* Announces the address unless that must wait. */
static void announce(struct worker_vm *vm, uint64_t now)
{
	if (!vm->announce || access_probe_holds(&vm->access, vm->acd.address))
		return;
	vm->announce = false;
	acd_announce(&vm->acd, vm->arp, &vm->mac, now);
}

/*
 * Packets that are there count even if a deadline has passed, because this process may not have run
 * until then.
 */
void worker_vm_step(struct worker_vm *vm)
{
	const uint64_t now = monotonic_ms();
	struct error ignored;

	stranger_step(&vm->stranger, now);
	step_question(vm, now);
	step_access(vm, now);
	if (vm->arp < 0)
		return;
	announce(vm, now);
	if ((is_probing(vm) && now >= vm->batch.deadline) ||
	    (is_searching(vm) && now >= vm->router.deadline))
		receive(vm, DRAIN_MAX);
	step_probes(vm, now);
	step_router(vm, now);
	acd_step(&vm->acd, vm->arp, &vm->mac, now);
	set_filter(vm, &ignored);
}

uint64_t worker_vm_deadline(const struct worker_vm *vm)
{
	uint64_t deadline = vm->acd.announce_at ? vm->acd.announce_at : UINT64_MAX;

	if (vm->stranger.listen_at < deadline)
		deadline = vm->stranger.listen_at;
	if (is_probing(vm) && vm->batch.deadline < deadline)
		deadline = vm->batch.deadline;
	if (is_searching(vm) && vm->router.deadline < deadline)
		deadline = vm->router.deadline;
	if (vm->question.job && vm->question.deadline < deadline)
		deadline = vm->question.deadline;
	if (vm->access.deadline < deadline)
		deadline = vm->access.deadline;
	return deadline;
}

static void act_open(struct worker_vm *vm, const struct worker_message *message, int arp)
{
	if (vm->arp >= 0)
		close(vm->arp);
	vm->arp = arp;
	vm->mac = message->mac;
	memcpy(vm->own, message->own, sizeof(vm->own));
	vm->guest = message->guest;
	vm->batch.timing = NULL;
	vm->router = (struct router){ 0 };
	vm->acd = (struct acd){ 0 };
	vm->announce = false;
	/* The socket has no filter of an address yet, and passes nothing. */
	vm->filter = nothing;
}

static int invalid(struct error *err, const char *type)
{
	return error_setf(err, STATUS_FAILURE, EPROTO, "invalid message %s", type);
}

static int act_probe(struct worker_vm *vm, const struct worker_message *message, struct error *err)
{
	static const struct probe_timing *const timings[] = {
		[PROBE_OF_NEW] = &probe_new,
		[PROBE_OF_REMEMBERED] = &probe_remembered,
		[PROBE_OF_STRICT] = &probe_strict,
	};

	if (message->kind > PROBE_OF_STRICT || message->count < 1 ||
	    message->count > PROBE_BATCH_MAX)
		return invalid(err, "WORKER_PROBE");
	probe_start(&vm->batch, timings[message->kind], message->probes, message->count,
		    monotonic_ms());
	vm->batch.job = message->job;
	return set_filter(vm, err);
}

static int act_find(struct worker_vm *vm, const struct worker_message *message, struct error *err)
{
	int ret;

	if (ipv4_unset(message->address))
		return invalid(err, "WORKER_FIND");
	vm->router = (struct router){ .address = message->address,
				      .host = message->host,
				      .job = message->job };
	ret = set_filter(vm, err);
	if (ret < 0)
		return ret;
	/* Packets from before the link was lost are not of this network. */
	receive(vm, DRAIN_MAX);
	vm->router.mac = (struct ether_addr){ 0 };
	vm->router.deadline = monotonic_ms();
	return 0;
}

static int act_defend(struct worker_vm *vm, const struct worker_message *message, struct error *err)
{
	int ret;

	if (ipv4_unset(message->address) || message->announce > 1 || message->repeat > 1)
		return invalid(err, "WORKER_DEFEND");
	acd_start(&vm->acd, message->address);
	stranger_expect(&vm->stranger, message->address, monotonic_ms());
	/* First the filter: a host with this address answers the announcement at once. */
	ret = set_filter(vm, err);
	acd_repeat(&vm->acd, message->repeat, monotonic_ms());
	vm->announce = vm->announce || (ret == 0 && message->announce);
	announce(vm, monotonic_ms());
	return ret;
}

static int act_rest(struct worker_vm *vm, struct error *err)
{
	vm->batch.timing = NULL;
	vm->router = (struct router){ 0 };
	vm->acd = (struct acd){ 0 };
	vm->announce = false;
	access_probe_end(&vm->access, monotonic_ms());
	return set_filter(vm, err);
}

static int act_access(struct worker_vm *vm, const struct worker_message *message, int socket,
		      struct error *err)
{
	access_probe_close(&vm->access);
	vm->access.socket = socket;
	if (ipv4_unset(message->address) || ipv4_unset(message->router.address))
		return invalid(err, "WORKER_ACCESS");
	vm->access.job = message->job;
	vm->access.mac = message->mac;
	vm->access.router_mac = message->router.mac;
	vm->access.router = message->router.address;
	vm->access.address = message->address;
	vm->access.host = message->host;
	access_probe_start(&vm->access, monotonic_ms());
	return 0;
}

/* The answer comes by a step: traces of samples that passed are there when the call returns. */
static int act_ask(struct worker_vm *vm, const struct worker_message *message, const int fds[2])
{
	static const struct ether_addr gate = ASK_GATE_MAC;
	struct question *question = &vm->question;

	question_close(question);
	*question = (struct question){ .gate = fds[ASK_GATE],
				       .trace = fds[ASK_TRACE],
				       .ends = { gate, message->mac, message->address,
						 message->host },
				       .uplink = message->uplink,
				       .tap = message->tap,
				       .job = message->job };
	question_start(question, monotonic_ms());
	step_question(vm, monotonic_ms());
	return 0;
}

int worker_vm_act(struct worker_vm *vm, const struct worker_message *message, const int fds[2],
		  struct error *err)
{
	if (message->type == WORKER_DHCP) {
		dhcp_relay_close(&vm->relay);
		vm->relay = (struct dhcp_relay){ fds[0], fds[1], message->mac };
		return 0;
	}
	if (message->type == WORKER_SOURCES) {
		stranger_open(&vm->stranger, fds[0], monotonic_ms());
		return 0;
	}
	if (message->type == WORKER_ASK)
		return act_ask(vm, message, fds);
	if (message->type == WORKER_ACCESS)
		return act_access(vm, message, fds[0], err);
	if (message->type != WORKER_OPEN && vm->arp < 0)
		return error_setf(err, STATUS_FAILURE, EPROTO, "a message before WORKER_OPEN");
	vm->deaf = false;
	switch ((enum worker_type)message->type) {
	case WORKER_OPEN:
		act_open(vm, message, fds[0]);
		return 0;
	case WORKER_PROBE:
		return act_probe(vm, message, err);
	case WORKER_FIND:
		return act_find(vm, message, err);
	case WORKER_DEFEND:
		return act_defend(vm, message, err);
	case WORKER_REST:
		return act_rest(vm, err);
	case WORKER_DHCP:
	case WORKER_SOURCES:
	case WORKER_FORGET:
	case WORKER_ASK:
	case WORKER_ACCESS:
	case WORKER_PROBED:
	case WORKER_FOUND:
	case WORKER_CONFLICT:
	case WORKER_STRANGER:
	case WORKER_ASKED:
	case WORKER_ACCESSED:
		break;
	}
	return error_setf(err, STATUS_FAILURE, EPROTO, "unexpected message");
}
