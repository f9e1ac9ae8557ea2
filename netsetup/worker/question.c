// SPDX-License-Identifier: GPL-2.0-or-later
// Asks the kernel if it forwards the guest's packets, and what drops them.
#include "netsetup/worker/question.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsetup/base/ipv4.h"
#include "netsetup/maker/ask.h"

/* Messages of one turn: others may trace packets of their own. */
#define TURN_MAX 256

/* A message has two headers of the packet and two names. */
#define RECEIVE_SIZE 4096

void question_close(struct question *question)
{
	if (question->gate >= 0) {
		close(question->trace);
		close(question->gate);
	}
	question->gate = question->trace = -1;
}

static uint8_t *fate_of(struct question *question, size_t number)
{
	return &question->verdict.fates[number / VERDICT_KINDS][number % VERDICT_KINDS];
}

static void decide(struct question *question, size_t number, enum verdict_fate fate)
{
	uint8_t *known = fate_of(question, number);

	if (*known == VERDICT_UNKNOWN)
		question->undecided--;
	*known = (uint8_t)fate;
}

void question_start(struct question *question, uint64_t now)
{
	uint8_t frame[SAMPLE_SIZE_MAX];

	memset(question->flows, 0, sizeof(question->flows));
	question->verdict = (struct verdict){ 0 };
	question->undecided = SAMPLE_COUNT;
	question->deadline = now + QUESTION_WAIT_MS;
	for (unsigned int i = 0; i < SAMPLE_COUNT; i++) {
		const size_t size = sample_build(&question->ends, i, frame);

		/* A gate or a tap that is gone forwards nothing: the question ends unanswered. */
		if (write(question->gate, frame, size) < 0)
			question->deadline = now;
	}
}

/* Finds the sample of a step, by the packet's headers or by the identifier of an earlier step. */
static struct question_flow *find_flow(struct question *question, const struct trace *trace)
{
	const unsigned int number = trace->number - ASK_SAMPLE_ID;

	for (size_t i = 0; i < SAMPLE_COUNT; i++)
		if (question->flows[i].seen && question->flows[i].id == trace->id)
			return &question->flows[i];
	if (!trace->first || trace->number < ASK_SAMPLE_ID || number >= SAMPLE_COUNT ||
	    !ipv4_equal(trace->source, sample_source(&question->ends, number / VERDICT_KINDS)) ||
	    !ipv4_equal(trace->target, sample_target(&question->ends, number / VERDICT_KINDS)))
		return NULL;
	question->flows[number].seen = true;
	question->flows[number].id = trace->id;
	return &question->flows[number];
}

static uint8_t owner_of(const struct trace *trace)
{
	static const struct {
		const char *prefix;
		bool table;
		enum verdict_owner owner;
	} names[] = {
		{ "DOCKER", false, VERDICT_DOCKER },    { "docker", true, VERDICT_DOCKER },
		{ "ufw-", false, VERDICT_UFW },         { "firewalld", true, VERDICT_FIREWALLD },
		{ "nordvpn", true, VERDICT_NORDVPN },   { "mullvad", true, VERDICT_MULLVAD },
		{ "LIBVIRT_", false, VERDICT_LIBVIRT }, { "libvirt", true, VERDICT_LIBVIRT },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(names[i].table ? trace->table : trace->chain, names[i].prefix,
			     strlen(names[i].prefix)))
			return (uint8_t)names[i].owner;
	return VERDICT_OTHER;
}

/* Names what has dropped a packet, once. */
static void add_culprit(struct verdict *verdict, const struct question_flow *flow,
			const struct trace *trace)
{
	struct verdict_culprit culprit = { .rule = trace->rule,
					   .family = trace->family,
					   .owner = flow->owner };

	memcpy(culprit.table, trace->table, sizeof(culprit.table));
	memcpy(culprit.chain, trace->chain, sizeof(culprit.chain));
	/* A rule of ours needs the whole names, and an output interface. */
	if (!trace->cut && flow->reached)
		memcpy(culprit.base, flow->base, sizeof(culprit.base));
	for (size_t i = 0; i < verdict->culprit_count; i++)
		if (!memcmp(&verdict->culprits[i], &culprit, sizeof(culprit)))
			return;
	if (verdict->culprit_count < VERDICT_CULPRITS_MAX)
		verdict->culprits[verdict->culprit_count++] = culprit;
}

/* A step in the table of this question. */
static void apply_own(struct question *question, struct question_flow *flow,
		      const struct trace *trace)
{
	const size_t number = (size_t)(flow - question->flows);
	const bool out = number / VERDICT_KINDS == VERDICT_OUT;

	if (!strcmp(trace->chain, ASK_CHAIN_REACHED))
		flow->reached = true;
	if (strcmp(trace->chain, ASK_CHAIN_PASSED) != 0 || !trace->first)
		return;
	if (trace->output != (out ? question->uplink : question->tap))
		decide(question, number, VERDICT_DIVERTED);
	else if (!ipv4_equal(trace->source, sample_source(&question->ends, number / VERDICT_KINDS)))
		decide(question, number, VERDICT_TRANSLATED);
	else
		decide(question, number, VERDICT_PASSES);
}

void question_apply(struct question *question, const struct trace *trace)
{
	struct question_flow *flow = find_flow(question, trace);

	if (!flow || (trace->family != NFPROTO_IPV4 && trace->family != NFPROTO_INET))
		return;
	if (!strncmp(trace->table, ASK_TABLE_PREFIX, strlen(ASK_TABLE_PREFIX)))
		return apply_own(question, flow, trace);
	if (trace->first) {
		flow->owner = VERDICT_OTHER;
		memcpy(flow->base, trace->cut ? "" : trace->chain,
		       trace->cut ? 1 : sizeof(flow->base));
	}
	if (flow->owner == VERDICT_OTHER)
		flow->owner = owner_of(trace);
	if (trace->verdict != NF_DROP)
		return;
	add_culprit(&question->verdict, flow, trace);
	decide(question, (size_t)(flow - question->flows), VERDICT_DROPPED);
}

static void read_messages(struct question *question, void *octets, int size)
{
	struct nlmsghdr *message = octets;
	struct trace trace;

	for (; nlmsg_ok(message, size); message = nlmsg_next(message, &size))
		if (trace_parse(message, &trace) == 0)
			question_apply(question, &trace);
}

void question_receive(struct question *question)
{
	union {
		struct nlmsghdr align;
		char octets[RECEIVE_SIZE];
	} buffer;

	for (int i = 0; i < TURN_MAX && question->undecided; i++) {
		const ssize_t size = recv(question->trace, &buffer, sizeof(buffer), MSG_DONTWAIT);

		/* Lost messages leave fates unknown. */
		if (size < 0 && errno == ENOBUFS)
			continue;
		if (size <= 0)
			return;
		read_messages(question, &buffer, (int)size);
	}
}

/* Decides on what has vanished; a sample without any trace leaves the answer unknown. */
static void give_up(struct question *question)
{
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		const struct question_flow *flow = &question->flows[i];

		if (flow->seen && *fate_of(question, i) == VERDICT_UNKNOWN)
			decide(question, i, flow->reached ? VERDICT_VANISHED : VERDICT_UNROUTED);
	}
}

bool question_step(struct question *question, uint64_t now)
{
	if (question->undecided && now < question->deadline)
		return false;
	give_up(question);
	question->verdict.forwarding = (uint8_t)verdict_judge(&question->verdict);
	return true;
}
