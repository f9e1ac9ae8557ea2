// SPDX-License-Identifier: GPL-2.0-or-later
// How a VM ended: what its end looked like, told as an exit status and an error.
#include "launcher/run/exit_status.h"

#include <errno.h>
#include <string.h>

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

void outcome_fail(struct outcome *outcome, const struct error *err)
{
	if (!outcome->failure.code)
		outcome->failure = *err;
}

void outcome_shutdown(struct outcome *outcome, const char *reason)
{
	size_t i;

	outcome->by = ENDED_BY_UNKNOWN;
	for (i = 0; i < ARRAY_SIZE(reasons); i++)
		if (strcmp(reasons[i].reason, reason) == 0)
			outcome->by = reasons[i].by;
}

/* QEMU was cut off because we wanted it, by 'quit', its SIGINT or SIGKILL. */
static bool forced(const struct outcome *outcome)
{
	return outcome->state == VM_QUITTING || outcome->state == VM_KILLING;
}

static int by_signal(const struct outcome *outcome)
{
	return outcome->signo ? STATUS_SIGNAL + outcome->signo : STATUS_FAILURE;
}

static int killed(const struct outcome *outcome, struct error *err)
{
	int signo = outcome->end.si_status;

	if (forced(outcome) && (signo == SIGKILL || signo == SIGINT))
		return by_signal(outcome);
	/* Ctrl-C before QEMU had taken the terminal over, or a signal sent to both of us. */
	if (outcome->signo && signo == outcome->signo)
		return by_signal(outcome);

	error_say(err, STATUS_FAILURE, ECHILD, "QEMU was killed by signal %d (%s)", signo,
		  strsignal(signo));
	if (signo == SIGKILL)
		error_remedy(err, "if memory ran out, the kernel's log tells: journalctl -k");
	return STATUS_FAILURE;
}

static int fail(struct error *err, const char *message)
{
	error_say(err, STATUS_FAILURE, ECHILD, "%s", message);
	return STATUS_FAILURE;
}

/* QEMU exited with 0. */
static int quit(const struct outcome *outcome, struct error *err)
{
	switch (outcome->by) {
	case ENDED_BY_GUEST:
	case ENDED_BY_USER:
		return STATUS_OK;
	case ENDED_BY_PANIC:
		return fail(err, "the guest's kernel panicked");
	case ENDED_BY_ERROR:
		return fail(err, "QEMU stopped the VM because of an error of the host");
	case ENDED_BY_SIGNAL:
		if (outcome->signo)
			return by_signal(outcome);
		return fail(err, "QEMU was told to quit by a signal that vmrun did not send");
	case ENDED_BY_COMMAND:
	case ENDED_BY_UNKNOWN:
		return forced(outcome) ? by_signal(outcome) : STATUS_OK;
	}
	return STATUS_FAILURE;
}

int outcome_status(const struct outcome *outcome, struct error *err)
{
	if (outcome->failure.code) {
		*err = outcome->failure;
		return (int)err->status;
	}
	if (outcome->end.si_code != CLD_EXITED)
		return killed(outcome, err);
	if (outcome->end.si_status != 0) {
		error_say(err, STATUS_FAILURE, ECHILD, "QEMU exited with status %d",
			  outcome->end.si_status);
		return STATUS_FAILURE;
	}
	return quit(outcome, err);
}
