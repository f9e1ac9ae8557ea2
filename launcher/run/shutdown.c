// SPDX-License-Identifier: GPL-2.0-or-later
// Advances a VM through its states: power off, quit, kill.
#include "launcher/run/shutdown.h"

#include <signal.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "netsetup/base/clock.h"

/*
 * Theory of operation: a VM passes the states of enum vm_state from first to last; some are
 * skipped, none is entered again. shutdown_set() alone changes the state and does the action of
 * the new one. The transitions:
 *
 *	STARTING -- QMP answers --> RUNNING -- signal --> POWERING_DOWN
 *	STARTING -- signal --> QUITTING
 *	POWERING_DOWN -- signal, time --> QUITTING -- signal, time --> KILLING
 *	any -- QEMU has ended --> GONE
 *
 * A signal that comes before QMP answers is a cancel: no guest runs that could power off. One
 * timer serves both the repeated request and a state's deadline; in STARTING and RUNNING it is not
 * armed.
 *
 * Only the pidfd reports QEMU's end. QMP may end before it (QEMU closes QMP and then its disks), or
 * never answer: the states advance without it, and SIGINT replaces the command 'quit'.
 */

struct shutdown_timing shutdown_timing = {
	.repeat = 5000,
	.quit = 10000,
	.same_request = 1000,
};

static void arm_timer(struct supervision *s)
{
	struct itimerspec when = { 0 };
	uint64_t next = s->deadline;

	if (s->repeat && (!next || s->repeat < next))
		next = s->repeat;
	when.it_value.tv_sec = (time_t)(next / 1000);
	when.it_value.tv_nsec = (long)(next % 1000) * 1000000;
	timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void set_times(struct supervision *s, uint64_t repeat, uint64_t deadline)
{
	s->repeat = repeat;
	s->deadline = deadline;
	arm_timer(s);
}

static void send_powerdown(struct vm *vm)
{
	struct error err;

	if (vm->supervision->qmp_over || !qmp_is_ready(vm->qmp))
		return;
	if (qmp_send(vm->qmp, "system_powerdown", NULL, &err) < 0)
		vm_logf(vm, VM_LOG_VERBOSE, "%s", err.message);
}

static void send_quit(struct vm *vm)
{
	struct error err;

	if (!vm->supervision->qmp_over && qmp_is_ready(vm->qmp) &&
	    qmp_send(vm->qmp, "quit", NULL, &err) == 0)
		return;
	process_signal(&vm->qemu, SIGINT);
}

static void call_started(struct vm *vm)
{
	struct supervision *s = vm->supervision;
	struct error err = { 0 };

	if (vm->ops->started && vm->ops->started(vm, &err) < 0) {
		exit_status_fail(&s->exit_cause, &err);
		if (vm->state < VM_QUITTING)
			shutdown_set(vm, VM_QUITTING);
	}
}

void shutdown_set(struct vm *vm, enum vm_state state)
{
	struct supervision *s = vm->supervision;

	vm_logf(vm, VM_LOG_VERBOSE, "%s -> %s", vm_state_name(vm->state), vm_state_name(state));
	vm->state = state;
	if (vm->ops->changed)
		vm->ops->changed(vm);
	switch (state) {
	case VM_STARTING:
		break;
	case VM_RUNNING:
		call_started(vm);
		break;
	case VM_POWERING_DOWN:
		set_times(s, monotonic_ms() + shutdown_timing.repeat,
			  monotonic_ms() + (uint64_t)vm->shutdown_timeout * 1000);
		send_powerdown(vm);
		break;
	case VM_QUITTING:
		set_times(s, 0, monotonic_ms() + shutdown_timing.quit);
		send_quit(vm);
		break;
	case VM_KILLING:
		set_times(s, 0, 0);
		process_signal(&vm->qemu, SIGKILL);
		break;
	case VM_GONE:
		set_times(s, 0, 0);
		loop_stop(vm->loop);
		break;
	}
}

/* Enters the next state; POWERING_DOWN is skipped without QMP or with a timeout of 0. */
static void advance(struct vm *vm)
{
	switch (vm->state) {
	case VM_STARTING:
		shutdown_set(vm, VM_QUITTING);
		break;
	case VM_RUNNING:
		if (vm->shutdown_timeout && !vm->supervision->qmp_over) {
			shutdown_set(vm, VM_POWERING_DOWN);
			vm_logf(vm, VM_LOG_NOTICE,
				"powering off, for at most %u s; send a second signal to quit at "
				"once",
				vm->shutdown_timeout);
		} else {
			shutdown_set(vm, VM_QUITTING);
		}
		break;
	case VM_POWERING_DOWN:
		shutdown_set(vm, VM_QUITTING);
		break;
	case VM_QUITTING:
		shutdown_set(vm, VM_KILLING);
		break;
	case VM_KILLING:
	case VM_GONE:
		break;
	}
}

void shutdown_ready(struct vm *vm)
{
	if (vm->state == VM_STARTING) {
		shutdown_set(vm, VM_RUNNING);
		return;
	}
	if (vm->state == VM_QUITTING)
		send_quit(vm);
}

void shutdown_off(struct vm *vm)
{
	set_times(vm->supervision, 0, vm->supervision->deadline);
}

void shutdown_fail(struct vm *vm, const struct error *err)
{
	exit_status_fail(&vm->supervision->exit_cause, err);
	vm_logf(vm, VM_LOG_NOTICE, "%s", err->message);
	if (vm->state < VM_POWERING_DOWN)
		advance(vm);
}

void shutdown_timer(int fd, uint32_t events, void *context)
{
	struct vm *vm = context;
	struct supervision *s = vm->supervision;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return;
	if (s->deadline && monotonic_ms() >= s->deadline) {
		if (vm->state == VM_POWERING_DOWN)
			vm_logf(vm, VM_LOG_NOTICE, "no power-off within %u s, quitting QEMU",
				vm->shutdown_timeout);
		else
			vm_logf(vm, VM_LOG_NOTICE, "QEMU does not quit, killing it");
		advance(vm);
	} else if (s->repeat && monotonic_ms() >= s->repeat) {
		send_powerdown(vm);
		set_times(s, monotonic_ms() + shutdown_timing.repeat, s->deadline);
	}
}

void shutdown_request(struct vm *vm, int signo)
{
	struct supervision *s = vm->supervision;

	s->last_request = monotonic_ms();
	if (!s->exit_cause.signo)
		s->exit_cause.signo = signo;
	if (signo == SIGKILL && vm->state < VM_KILLING)
		shutdown_set(vm, VM_KILLING);
	else if (signo == SIGQUIT && vm->state < VM_QUITTING)
		shutdown_set(vm, VM_QUITTING);
	else
		advance(vm);
}

void shutdown_signal(struct vm *vm, int signo)
{
	const struct supervision *s = vm->supervision;

	if (s->exit_cause.signo && signo != SIGQUIT &&
	    monotonic_ms() < s->last_request + shutdown_timing.same_request)
		return;
	shutdown_request(vm, signo);
}
