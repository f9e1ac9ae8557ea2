// SPDX-License-Identifier: GPL-2.0-or-later
// Derives vmrun's exit status and error from the way a VM ended.
#include "launcher/run/exit_status.h"

#include <errno.h>
#include <string.h>

#include "launcher/qemu/qemu_confine.h"
#include "netsetup/base/cleanup.h"

/* qemu-qmp-ref(7), ShutdownCause. */
static const struct {
	const char *reason;
	enum ended_by by;
} reasons[] = {
	{ "guest-shutdown", ENDED_BY_GUEST }, { "guest-reset", ENDED_BY_GUEST },
	{ "host-ui", ENDED_BY_USER },         { "host-qmp-quit", ENDED_BY_COMMAND },
	{ "host-signal", ENDED_BY_SIGNAL },   { "host-error", ENDED_BY_ERROR },
	{ "guest-panic", ENDED_BY_PANIC },
};

void exit_status_fail(struct exit_cause *exit_cause, const struct error *err)
{
	if (!exit_cause->failure.code)
		exit_cause->failure = *err;
}

void exit_status_shutdown(struct exit_cause *exit_cause, const char *reason)
{
	size_t i;

	exit_cause->by = ENDED_BY_UNKNOWN;
	for (i = 0; i < ARRAY_SIZE(reasons); i++)
		if (strcmp(reasons[i].reason, reason) == 0)
			exit_cause->by = reasons[i].by;
}

/* True if vmrun itself ended QEMU by 'quit', SIGINT or SIGKILL. */
static bool forced(const struct exit_cause *exit_cause)
{
	return exit_cause->state == VM_QUITTING || exit_cause->state == VM_KILLING;
}

static int by_signal(const struct exit_cause *exit_cause)
{
	return exit_cause->signo ? STATUS_SIGNAL + exit_cause->signo : STATUS_FAILURE;
}

/* QEMU's option '-sandbox' has QEMU killed until version 8; later the call fails. */
static void sandbox_remedy(struct error *err)
{
	error_remedy(err, "remove from 'qemu.args' what starts one or changes the process, "
			  "such as '-netdev bridge', '-daemonize' or '-runas'");
}

static int killed(const struct exit_cause *exit_cause, struct error *err)
{
	int signo = exit_cause->end.si_status;

	if (forced(exit_cause) && (signo == SIGKILL || signo == SIGINT))
		return by_signal(exit_cause);
	/* Ctrl-C before QEMU had taken the terminal over, or a signal sent to vmrun and QEMU. */
	if (exit_cause->signo && signo == exit_cause->signo)
		return by_signal(exit_cause);

	if (signo == SIGSYS) {
		error_setf(err, STATUS_FAILURE, ECHILD,
			   "QEMU was killed by its own sandbox: it may start no other program");
		sandbox_remedy(err);
		return STATUS_FAILURE;
	}
	error_setf(err, STATUS_FAILURE, ECHILD, "QEMU was killed by signal %d (%s)", signo,
		   strsignal(signo));
	if (signo == SIGKILL)
		error_remedy(err, "look for 'Out of memory' in the kernel's log: journalctl -k");
	return STATUS_FAILURE;
}

static int fail(struct error *err, const char *message)
{
	error_setf(err, STATUS_FAILURE, ECHILD, "%s", message);
	return STATUS_FAILURE;
}

/* QEMU exited with 0. */
static int quit(const struct exit_cause *exit_cause, struct error *err)
{
	switch (exit_cause->by) {
	case ENDED_BY_GUEST:
	case ENDED_BY_USER:
		return STATUS_OK;
	case ENDED_BY_PANIC:
		return fail(err, "the guest's kernel panicked");
	case ENDED_BY_ERROR:
		return fail(err, "QEMU stopped the VM because of an error of the host");
	case ENDED_BY_SIGNAL:
		if (exit_cause->signo)
			return by_signal(exit_cause);
		return fail(err, "QEMU quit because of a signal that vmrun did not send");
	case ENDED_BY_COMMAND:
	case ENDED_BY_UNKNOWN:
		return forced(exit_cause) ? by_signal(exit_cause) : STATUS_OK;
	}
	return STATUS_FAILURE;
}

int exit_status_get(const struct exit_cause *exit_cause, struct error *err)
{
	if (exit_cause->failure.code) {
		*err = exit_cause->failure;
		return (int)err->status;
	}
	if (exit_cause->end.si_code != CLD_EXITED)
		return killed(exit_cause, err);
	if (exit_cause->end.si_status != 0) {
		error_setf(err, STATUS_FAILURE, ECHILD, "QEMU exited with status %d",
			   exit_cause->end.si_status);
		if (exit_cause->state == VM_STARTING)
			qemu_confine_remedy(err);
		if (exit_cause->state == VM_STARTING && exit_cause->args) {
			error_remedy(err, "QEMU's own sandbox lets it start no other program:");
			sandbox_remedy(err);
		}
		return STATUS_FAILURE;
	}
	return quit(exit_cause, err);
}
