// SPDX-License-Identifier: GPL-2.0-or-later
// Derives vmrun's exit status and error from the way a VM ended.
#ifndef LAUNCHER_RUN_EXIT_STATUS_H
#define LAUNCHER_RUN_EXIT_STATUS_H

#include <signal.h>
#include <stdbool.h>

#include "launcher/run/vm.h"
#include "netsetup/base/error.h"

/* The cause of the VM's end, by the reason of QMP's event SHUTDOWN. */
enum ended_by {
	ENDED_BY_UNKNOWN, /* no such event, or a reason without a meaning here */
	ENDED_BY_GUEST,   /* the guest powered off, or restarted if that ends the VM */
	ENDED_BY_USER,    /* the user closed QEMU's window */
	ENDED_BY_COMMAND, /* QMP 'quit' */
	ENDED_BY_SIGNAL,  /* QEMU received a signal */
	ENDED_BY_ERROR,   /* the host had an error */
	ENDED_BY_PANIC,   /* the guest's kernel panicked */
};

/**
 * struct exit_cause - the known facts of a VM's end; all zero at first.
 * @state: the VM's state when QEMU ended.
 * @args: QEMU has arguments of 'qemu.args'.
 * @signo: the first signal that requested the end, or 0.
 * @failure: the first failure that ended the VM; code 0 if none.
 * @end: QEMU's wait status; si_code 0 if not known.
 */
struct exit_cause {
	enum vm_state state;
	bool args;
	int signo;
	enum ended_by by;
	struct error failure;
	siginfo_t end;
};

/* exit_status_fail() - record a failure, unless one is recorded. */
void exit_status_fail(struct exit_cause *exit_cause, const struct error *err);

/* exit_status_shutdown() - record the reason of QMP's event SHUTDOWN. */
void exit_status_shutdown(struct exit_cause *exit_cause, const char *reason);

/**
 * exit_status_get() - return the exit status of vmrun.
 * @exit_cause: with @end filled in.
 * @err: set if the status is to be explained, else untouched.
 *
 * Return: see supervise_run().
 */
int exit_status_get(const struct exit_cause *exit_cause, struct error *err);

#endif
