// SPDX-License-Identifier: GPL-2.0-or-later
// How a VM ended: what its end looked like, told as an exit status and an error.
#ifndef LAUNCHER_RUN_EXIT_STATUS_H
#define LAUNCHER_RUN_EXIT_STATUS_H

#include <signal.h>
#include <stdbool.h>

#include "launcher/run/vm.h"
#include "netsetup/base/error.h"

/* Who ended the VM, by the reason of QMP's event SHUTDOWN. */
enum ended_by {
	ENDED_BY_UNKNOWN, /* no such event, or a reason without a meaning here */
	ENDED_BY_GUEST,   /* it powered off, or restarted where that ends the VM */
	ENDED_BY_USER,    /* closed its window */
	ENDED_BY_COMMAND, /* QMP 'quit' */
	ENDED_BY_SIGNAL,  /* QEMU got one */
	ENDED_BY_ERROR,   /* of the host */
	ENDED_BY_PANIC,   /* of the guest */
};

/**
 * struct outcome - what is known; all zero at first.
 * @state: the VM's when QEMU ended.
 * @signo: the first signal that asked for the end, or 0.
 * @by: who ended it.
 * @failure: the first failure that ended the VM; code 0: none.
 * @end: how QEMU ended; si_code 0: not known.
 */
struct outcome {
	enum vm_state state;
	int signo;
	enum ended_by by;
	struct error failure;
	siginfo_t end;
};

/* outcome_fail() - note a failure; the first one counts. */
void outcome_fail(struct outcome *outcome, const struct error *err);

/* outcome_shutdown() - note the reason of QMP's event SHUTDOWN. */
void outcome_shutdown(struct outcome *outcome, const char *reason);

/**
 * outcome_status() - the exit status of vmrun.
 * @outcome: with @end filled in.
 * @err: what is to be told; code 0 when nothing is.
 *
 * Return: see supervise_run().
 */
int outcome_status(const struct outcome *outcome, struct error *err);

#endif
