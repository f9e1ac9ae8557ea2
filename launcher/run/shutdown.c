// SPDX-License-Identifier: GPL-2.0-or-later
// The states of a VM's life and the steps to its end; supervise.c tells it what happens.
#include "launcher/run/shutdown.h"

#include <signal.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "netsetup/base/clock.h"

/*
 * Theory of operation. The states of enum vm_state are passed from first to last, some are
 * skipped, none is entered again. Only ladder_set() changes the state; it alone says what is done on
 * entering one. What moves it:
 *
 *	STARTING ──QMP answers──> RUNNING ──signal──> POWERING_DOWN ──signal, time──> QUITTING
 *	    │                                              ^    QUITTING ──signal, time──> KILLING
 *	    └───────────────────signal─────────────────────┘    any ──QEMU has ended──> GONE
 *
 * A signal that comes before QMP answers starts the time of POWERING_DOWN, and the request is sent
 * as soon as QMP answers. One timer serves both the repeated request and the end of a state's time;
 * in STARTING and RUNNING it is not armed.
 *
 * QEMU's end is known from its pidfd only. QMP may end before (QEMU closes it and then its disks),
 * or not speak at all: the ladder works without it, QEMU's SIGINT stands in for the command 'quit'.
 */

struct supervise_timing supervise_timing = {
	.repeat = 5000,
	.quit = 10000,
	.same_wish = 1000,
};

static void arm(struct supervision *s)
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
	arm(s);
}

/* The ladder. */

static void ask_power_off(struct vm *vm)
{
	struct error err;

	if (vm->supervision->qmp_over || !qmp_is_ready(vm->qmp))
		return;
	if (qmp_send(vm->qmp, "system_powerdown", NULL, &err) < 0)
		vm_say(vm, VM_LOG_VERBOSE, "%s", err.message);
}

static void tell_quit(struct vm *vm)
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

	if (s->started)
		return;
	s->started = true;
	if (vm->ops->started && vm->ops->started(vm, &err) < 0) {
		outcome_fail(&s->outcome, &err);
		if (vm->state < VM_QUITTING)
			ladder_set(vm, VM_QUITTING);
	}
}

void ladder_set(struct vm *vm, enum vm_state state)
{
	struct supervision *s = vm->supervision;

	vm_say(vm, VM_LOG_VERBOSE, "%s -> %s", vm_state_name(vm->state), vm_state_name(state));
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
		set_times(s, monotonic_ms() + supervise_timing.repeat,
			  monotonic_ms() + (uint64_t)vm->shutdown_timeout * 1000);
		ask_power_off(vm);
		break;
	case VM_QUITTING:
		set_times(s, 0, monotonic_ms() + supervise_timing.quit);
		tell_quit(vm);
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

/* The next step of the ladder; a guest that cannot be asked or has no time is not asked. */
static void step(struct vm *vm)
{
	switch (vm->state) {
	case VM_STARTING:
	case VM_RUNNING:
		if (vm->shutdown_timeout && !vm->supervision->qmp_over) {
			ladder_set(vm, VM_POWERING_DOWN);
			vm_say(vm, VM_LOG_NOTICE,
			       "powering off, for at most %u s; a second signal cuts it short",
			       vm->shutdown_timeout);
		} else {
			ladder_set(vm, VM_QUITTING);
		}
		break;
	case VM_POWERING_DOWN:
		ladder_set(vm, VM_QUITTING);
		break;
	case VM_QUITTING:
		ladder_set(vm, VM_KILLING);
		break;
	case VM_KILLING:
	case VM_GONE:
		break;
	}
}

void ladder_ready(struct vm *vm)
{
	if (vm->state == VM_STARTING) {
		ladder_set(vm, VM_RUNNING);
		return;
	}
	call_started(vm);
	if (vm->state == VM_POWERING_DOWN)
		ask_power_off(vm);
	else if (vm->state == VM_QUITTING)
		tell_quit(vm);
}

void ladder_off(struct vm *vm)
{
	set_times(vm->supervision, 0, vm->supervision->deadline);
}

void ladder_fail(struct vm *vm, const struct error *err)
{
	outcome_fail(&vm->supervision->outcome, err);
	vm_say(vm, VM_LOG_NOTICE, "%s", err->message);
	if (vm->state < VM_POWERING_DOWN)
		step(vm);
}

void ladder_timer(int fd, uint32_t events, void *context)
{
	struct vm *vm = context;
	struct supervision *s = vm->supervision;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return;
	if (s->deadline && monotonic_ms() >= s->deadline) {
		if (vm->state == VM_POWERING_DOWN)
			vm_say(vm, VM_LOG_NOTICE, "no power-off within %u s, QEMU is told to quit",
			       vm->shutdown_timeout);
		else
			vm_say(vm, VM_LOG_NOTICE, "QEMU does not quit and is killed");
		step(vm);
	} else if (s->repeat && monotonic_ms() >= s->repeat) {
		ask_power_off(vm);
		set_times(s, monotonic_ms() + supervise_timing.repeat, s->deadline);
	}
}

void supervise_signal(struct vm *vm, int signo)
{
	struct supervision *s = vm->supervision;

	s->last_wish = monotonic_ms();
	if (!s->outcome.signo)
		s->outcome.signo = signo;
	if (signo == SIGKILL && vm->state < VM_KILLING)
		ladder_set(vm, VM_KILLING);
	else if (signo == SIGQUIT && vm->state < VM_QUITTING)
		ladder_set(vm, VM_QUITTING);
	else
		step(vm);
}

void ladder_signal(struct vm *vm, int signo)
{
	const struct supervision *s = vm->supervision;

	if (s->outcome.signo && signo != SIGQUIT &&
	    monotonic_ms() < s->last_wish + supervise_timing.same_wish)
		return;
	supervise_signal(vm, signo);
}
