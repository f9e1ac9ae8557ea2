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
 * struct exit_cause - what is known; all zero at first.
 * @state: the VM's when QEMU ended.
 * @signo: the first signal that asked for the end, or 0.
 * @by: who ended it.
 * @failure: the first failure that ended the VM; code 0: none.
 * @end: how QEMU ended; si_code 0: not known.
 */
struct exit_cause {
	enum vm_state state;
	int signo;
	enum ended_by by;
	struct error failure;
	siginfo_t end;
};

/* exit_status_fail() - note a failure; the first one counts. */
void exit_status_fail(struct exit_cause *exit_cause, const struct error *err);

/* exit_status_shutdown() - note the reason of QMP's event SHUTDOWN. */
void exit_status_shutdown(struct exit_cause *exit_cause, const char *reason);

/**
 * exit_status_get() - the exit status of vmrun.
 * @exit_cause: with @end filled in.
 * @err: what is to be told; code 0 when nothing is.
 *
 * Return: see supervise_run().
 */
int exit_status_get(const struct exit_cause *exit_cause, struct error *err);

#endif
