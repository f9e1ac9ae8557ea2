// SPDX-License-Identifier: GPL-2.0-or-later
// Any messages of nf_tables, as firewalls of any names cause them, to the worker's question.
#include <netinet/in.h>
#include <netlink/msg.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/worker/question.h"
#include "tests/fuzz/fuzz.h"

static unsigned int count_unknown(const struct verdict *verdict)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < SAMPLE_COUNT; i++)
		count += verdict->fates[i / VERDICT_KINDS][i % VERDICT_KINDS] == VERDICT_UNKNOWN;
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct question question = { .gate = -1,
				     .trace = -1,
				     .ends = { .guest = { htonl(0x0a090032) },
					       .station = { htonl(0x0a09004d) } },
				     .uplink = 2,
				     .tap = 3 };
	/* Aligned, and it ends where the messages do. */
	cleanup_free void *buffer = malloc(size ? size : 1);
	struct nlmsghdr *header = buffer;
	int left = (int)size;
	struct trace trace;

	must(buffer);
	memcpy(buffer, data, size);
	/* The samples are not sent: there is no gate. */
	question_start(&question, 0);
	for (; nlmsg_ok(header, left); header = nlmsg_next(header, &left)) {
		if (trace_parse(header, &trace) < 0)
			continue;
		must(memchr(trace.table, '\0', sizeof(trace.table)));
		must(memchr(trace.chain, '\0', sizeof(trace.chain)));
		question_apply(&question, &trace);
		must(verdict_check(&question.verdict));
		must(question.undecided == count_unknown(&question.verdict));
	}
	must(question_step(&question, QUESTION_WAIT_MS));
	must(verdict_check(&question.verdict));
	return 0;
}
