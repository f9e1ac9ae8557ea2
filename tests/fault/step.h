// SPDX-License-Identifier: GPL-2.0-or-later
// The steps at which a process is stopped, and what is done to it there.
#ifndef TESTS_FAULT_STEP_H
#define TESTS_FAULT_STEP_H

#include <stdbool.h>
#include <stddef.h>

enum role {
	ROLE_OTHER, /* such as qemu-img */
	ROLE_VMRUN,
	ROLE_SUPERVISOR,
	ROLE_SERVICE,
	ROLE_MAKER,
	ROLE_WORKER,
	ROLE_QEMU,
	ROLE_COUNT,
};

#define VMRUN      (1u << ROLE_VMRUN)
#define SUPERVISOR (1u << ROLE_SUPERVISOR)
#define SERVICE    (1u << ROLE_SERVICE)
#define MAKER      (1u << ROLE_MAKER)
#define WORKER     (1u << ROLE_WORKER)
#define QEMU       (1u << ROLE_QEMU)

/* The six, and what else some calls fail with. */
#define ERRORS_MAX 10

/**
 * struct call - a system call at which a process is stopped.
 * @argument: -1, or the one that must have a bit of @mask set; or, with @mask 0, equal @value.
 * @change: it changes the host or another process, so that it is a step for a kill; each is one
 *	for an error.
 * @errors: errno values to fail with, until the first 0.
 */
struct call {
	int number;
	const char *name;
	bool change;
	int argument;
	unsigned int mask, value;
	int errors[ERRORS_MAX];
};

#define CALLS_MAX 96

extern const struct call calls[];
extern const size_t call_count;

/* A step: its role, call and number among those, which hardly differ from run to run. */
struct step {
	enum role role;
	unsigned int number; /* from 1 */
	const struct call *call;
	unsigned int present; /* bits of the roles that are there just before and just after it */
	bool netlink;         /* it sends the kernel a request */
};

#define STEP_TEXT_SIZE 128

/* step_text() - name it: "after service renameat#1". */
const char *step_text(const struct step *step, bool after, char text[STEP_TEXT_SIZE]);

/* step_filter() - stop this process, and all that it starts, at these calls, for its tracer. */
int step_filter(bool only_changes);

#endif
