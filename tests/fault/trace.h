// SPDX-License-Identifier: GPL-2.0-or-later
// One run of vmrun under ptrace(2), with all that it starts, and one fault on its way.
#ifndef TESTS_FAULT_TRACE_H
#define TESTS_FAULT_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/fault/step.h"

#define STEPS_MAX 4096

/* What is to be done in one run. */
struct plan {
	bool only_changes; /* which calls count */
	bool learn;        /* what vmrun's children become */
	struct step step;
	bool after;
	unsigned int victims; /* bits of roles; 0: none */
	int error;            /* the errno value to fail with, or 0 */
	bool refused;         /* the kernel refuses the request: the error is in its answer */
	struct step *list;    /* where each step that is seen is put, or NULL */
	unsigned int list_count;
	const char *output; /* where its standard error goes, or NULL */
};

/* How a run went. */
struct result {
	bool reached;
	unsigned int present; /* which victims there were */
	bool hung;
	int status; /* vmrun's, as waitpid() has it */
	bool ended; /* vmrun's status is known */
};

/**
 * trace_run() - run a command to the end of all that it started.
 * @argv: the command.
 * @plan: what is done to it.
 * @result: how that went.
 */
void trace_run(char *const argv[], struct plan *plan, struct result *result);

int64_t now_ms(void);

__attribute__((noreturn)) void die(const char *what);

#endif
