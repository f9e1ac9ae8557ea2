// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the verdict that follows from traces of the kernel, of others and of no sense.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
/* After netinet/in.h, whose definitions the kernel's headers leave out then. */
#include <linux/netfilter.h>
#include <string.h>

#include "netsetup/base/ipv4.h"
#include "netsetup/maker/ask.h"
#include "netsetup/worker/question.h"

#define UPLINK 2
#define TAP    7

static struct question start(void)
{
	struct question question = { .gate = open("/dev/null", O_WRONLY | O_CLOEXEC),
				     .trace = -1,
				     .ends = { .guest = { htonl(0x0a090032) },
					       .station = { htonl(0x0a09004d) } },
				     .uplink = UPLINK,
				     .tap = TAP };

	question_start(&question, 1000);
	assert_int_equal(question.undecided, SAMPLE_COUNT);
	return question;
}

static void end(struct question *question)
{
	close(question->gate);
}

/* A step of sample @number; @first: with the packet's headers. */
static struct trace step(const struct question *question, unsigned int number, const char *table,
			 const char *chain, bool first)
{
	const enum verdict_direction direction = number / VERDICT_KINDS;
	struct trace trace = { .id = 100 + number,
			       .family = NFPROTO_IPV4,
			       .rule = 5,
			       .verdict = NF_ACCEPT,
			       .first = first,
			       .number = (uint16_t)(ASK_SAMPLE_ID + number),
			       .output = direction == VERDICT_OUT ? UPLINK : TAP };

	trace.source = sample_source(&question->ends, direction);
	trace.target = sample_target(&question->ends, direction);
	strcpy(trace.table, table);
	strcpy(trace.chain, chain);
	return trace;
}

static void apply(struct question *question, struct trace trace)
{
	question_apply(question, &trace);
}

/* The sample comes to the forward hook. */
static void reach(struct question *question, unsigned int number)
{
	apply(question, step(question, number, "vmrun-ask-7", ASK_CHAIN_ASKED, true));
	apply(question, step(question, number, "vmrun-ask-7", ASK_CHAIN_REACHED, true));
}

static void pass(struct question *question, unsigned int number)
{
	reach(question, number);
	apply(question, step(question, number, "vmrun-ask-7", ASK_CHAIN_PASSED, true));
}

static uint8_t fate(const struct question *question, unsigned int number)
{
	return question->verdict.fates[number / VERDICT_KINDS][number % VERDICT_KINDS];
}

static void test_open(void **state)
{
	struct question question = start();

	for (unsigned int i = 0; i < SAMPLE_COUNT; i++) {
		assert_false(question_step(&question, 1000));
		pass(&question, i);
		assert_int_equal(fate(&question, i), VERDICT_PASSES);
	}
	assert_true(question_step(&question, 1000));
	assert_int_equal(question.verdict.forwarding, FORWARDING_OPEN);
	assert_int_equal(question.verdict.culprit_count, 0);
	end(&question);
}

/* Each sample has another fate. */
static void test_fates(void **state)
{
	struct question question = start();
	struct trace trace;

	pass(&question, 0);
	reach(&question, 1);
	apply(&question, step(&question, 1, "filter", "FORWARD", true));
	trace = step(&question, 1, "filter", "DOCKER-USER", false);
	trace.verdict = NF_DROP;
	apply(&question, trace);
	apply(&question, step(&question, 2, "vmrun-ask-7", ASK_CHAIN_ASKED, true));
	reach(&question, 3);
	reach(&question, 4);
	trace = step(&question, 4, "vmrun-ask-7", ASK_CHAIN_PASSED, true);
	trace.output = UPLINK;
	apply(&question, trace);
	reach(&question, 5);
	trace = step(&question, 5, "vmrun-ask-7", ASK_CHAIN_PASSED, true);
	trace.source.s_addr = htonl(0x0a090001);
	apply(&question, trace);

	assert_false(question_step(&question, 1000 + QUESTION_WAIT_MS - 1));
	assert_true(question_step(&question, 1000 + QUESTION_WAIT_MS));
	assert_int_equal(fate(&question, 0), VERDICT_PASSES);
	assert_int_equal(fate(&question, 1), VERDICT_DROPPED);
	assert_int_equal(fate(&question, 2), VERDICT_UNROUTED);
	assert_int_equal(fate(&question, 3), VERDICT_VANISHED);
	assert_int_equal(fate(&question, 4), VERDICT_DIVERTED);
	assert_int_equal(fate(&question, 5), VERDICT_TRANSLATED);
	assert_int_equal(question.verdict.forwarding, FORWARDING_PARTLY);
	assert_int_equal(question.verdict.culprit_count, 1);
	assert_string_equal(question.verdict.culprits[0].chain, "DOCKER-USER");
	assert_string_equal(question.verdict.culprits[0].base, "FORWARD");
	assert_int_equal(question.verdict.culprits[0].owner, VERDICT_DOCKER);
	assert_int_equal(question.verdict.culprits[0].rule, 5);
	end(&question);
}

/* A sample without any trace leaves the answer unknown: nobody is blamed. */
static void test_silence(void **state)
{
	struct question question = start();

	for (unsigned int i = 0; i < SAMPLE_COUNT - 1; i++)
		pass(&question, i);
	assert_true(question_step(&question, 2000));
	assert_int_equal(question.verdict.forwarding, FORWARDING_UNKNOWN);
	end(&question);
}

/* Packets of others, with our identification or our addresses, decide nothing. */
static void test_others(void **state)
{
	struct question question = start();
	struct trace trace = step(&question, 0, "filter", "FORWARD", true);

	trace.verdict = NF_DROP;
	trace.source.s_addr = htonl(0x0a090001);
	apply(&question, trace);
	trace = step(&question, 0, "filter", "FORWARD", true);
	trace.verdict = NF_DROP;
	trace.number = ASK_SAMPLE_ID + SAMPLE_COUNT;
	apply(&question, trace);
	trace.number = ASK_SAMPLE_ID - 1;
	apply(&question, trace);
	/* Without the headers, and with an identifier that no sample has. */
	trace = step(&question, 0, "filter", "FORWARD", false);
	trace.verdict = NF_DROP;
	apply(&question, trace);
	/* A bridge's or a netdev table's step. */
	trace = step(&question, 0, "filter", "FORWARD", true);
	trace.verdict = NF_DROP;
	trace.family = NFPROTO_BRIDGE;
	apply(&question, trace);
	assert_int_equal(question.undecided, SAMPLE_COUNT);
	assert_int_equal(question.verdict.culprit_count, 0);
	end(&question);
}

/* No rule of ours can help before the forward hook, or in a chain whose name was cut. */
static void test_no_base(void **state)
{
	struct question question = start();
	struct trace trace;

	apply(&question, step(&question, 0, "vmrun-ask-7", ASK_CHAIN_ASKED, true));
	trace = step(&question, 0, "raw", "PREROUTING", true);
	trace.verdict = NF_DROP;
	apply(&question, trace);
	reach(&question, 1);
	trace = step(&question, 1, "filter", "cut", true);
	trace.cut = true;
	trace.verdict = NF_DROP;
	apply(&question, trace);
	assert_int_equal(question.verdict.culprit_count, 2);
	assert_string_equal(question.verdict.culprits[0].base, "");
	assert_string_equal(question.verdict.culprits[1].base, "");
	end(&question);
}

/* More chains than a verdict has room for. */
static void test_many(void **state)
{
	struct question question = start();

	for (unsigned int i = 0; i < SAMPLE_COUNT; i++) {
		struct trace trace = step(&question, i, "filter", "a", true);

		reach(&question, i);
		trace.chain[0] = (char)('a' + i);
		trace.verdict = NF_DROP;
		apply(&question, trace);
	}
	assert_true(question_step(&question, 1000));
	assert_int_equal(question.verdict.culprit_count, VERDICT_CULPRITS_MAX);
	assert_int_equal(question.verdict.forwarding, FORWARDING_CLOSED);
	end(&question);
}

static unsigned int count_unknown(const struct verdict *verdict)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < SAMPLE_COUNT; i++)
		count += verdict->fates[i / VERDICT_KINDS][i % VERDICT_KINDS] == VERDICT_UNKNOWN;
	return count;
}

/* Whatever the traces are, the verdict is one that the service accepts, and nothing is undecided
 * twice. */
static void test_any(void **state)
{
	static const char *const tables[] = { "vmrun-ask-7", "filter", "firewalld", "" };
	static const char *const chains[] = { ASK_CHAIN_ASKED, ASK_CHAIN_REACHED, ASK_CHAIN_PASSED,
					      "FORWARD",       "ufw-before",      "" };
	struct question question = start();

	srandom(1);
	for (int i = 0; i < 200000; i++) {
		const unsigned int number = (unsigned int)random() % (SAMPLE_COUNT + 1);
		struct trace trace = step(&question, number % SAMPLE_COUNT, tables[random() % 4],
					  chains[random() % 6], random() % 2);

		trace.id = (uint32_t)random() % 8;
		trace.number = (uint16_t)(ASK_SAMPLE_ID + number);
		trace.verdict = random() % 16 ? NF_ACCEPT : NF_DROP;
		trace.output = (uint32_t)random() % 8;
		trace.cut = random() % 4 == 0;
		trace.family = random() % 2 ? NFPROTO_IPV4 : NFPROTO_INET;
		question_apply(&question, &trace);
		assert_true(verdict_check(&question.verdict));
		assert_int_equal(question.undecided, count_unknown(&question.verdict));
		if (i % 50)
			continue;
		assert_true(question_step(&question, 5000));
		assert_true(verdict_check(&question.verdict));
		question_start(&question, 1000);
	}
	end(&question);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),    cmocka_unit_test(test_fates),
		cmocka_unit_test(test_silence), cmocka_unit_test(test_others),
		cmocka_unit_test(test_no_base), cmocka_unit_test(test_many),
		cmocka_unit_test(test_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
