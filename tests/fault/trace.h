// SPDX-License-Identifier: GPL-2.0-or-later
// One run of vmrun under ptrace(2), with all that it starts, and one fault on its way.
#ifndef TESTS_FAULT_TRACE_H
#define TESTS_FAULT_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/fault/step.h"

#define STEPS_MAX 4096

/* The instructions for one run. */
struct plan {
	bool only_changes; /* which calls count */
	bool learn;        /* find out the roles of vmrun's children */
	struct step step;
	bool after;
	unsigned int victims; /* bits of roles; 0: none */
	int error;            /* the errno value to fail with, or 0 */
	bool refused;         /* the kernel refuses the request: the error is in its answer */
	struct step *list;    /* takes each step that is seen; may be NULL */
	unsigned int list_count;
	const char *output; /* file for its standard error; may be NULL */
};

/* The outcome of a run. */
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
 * @plan: the instructions.
 * @result: the outcome.
 */
void trace_run(char *const argv[], struct plan *plan, struct result *result);

int64_t now_ms(void);

__attribute__((noreturn)) void die(const char *what);

#endif
