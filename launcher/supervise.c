// SPDX-License-Identifier: GPL-2.0-or-later
// A VM's life and end: watch QEMU, power the guest off gracefully when asked to, tell how it ended.
#include "launcher/supervise.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

#include "launcher/outcome.h"
#include "launcher/signals.h"
#include "netsetup/cleanup.h"

/*
 * Theory of operation. The states of enum vm_state are passed from first to last, some are
 * skipped, none is entered again. Only state_set() changes the state; it alone says what is done on
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

/**
 * struct supervision - supervise_run()'s own.
 * @signals: signalfd; @timer: timerfd.
 * @watched: the netsetup socket that is watched, or -1.
 * @outcome: what is known about how the VM ends.
 * @last_wish: when the last signal that counted came, in ms.
 * @repeat: when the request to power off is sent again, in ms; 0: never.
 * @deadline: when the present state's time is over, in ms; 0: never.
 * @qmp_over: QMP is of no more use.
 * @started: ops->started was called.
 * @disk_told: the user knows that a disk failed.
 */
struct supervision {
	int signals;
	int timer;
	int watched;
	struct outcome outcome;
	uint64_t last_wish;
	uint64_t repeat;
	uint64_t deadline;
	bool qmp_over;
	bool started;
	bool disk_told;
};

static void state_set(struct vm *vm, enum vm_state state);

const char *vm_state_name(enum vm_state state)
{
	switch (state) {
	case VM_STARTING:
		return "starting";
	case VM_RUNNING:
		return "running";
	case VM_POWERING_DOWN:
		return "powering down";
	case VM_QUITTING:
		return "quitting";
	case VM_KILLING:
		return "killing";
	case VM_GONE:
		return "gone";
	}
	return "unknown";
}

__attribute__((format(printf, 3, 4))) static void say(struct vm *vm, enum vm_log level,
						      const char *format, ...)
{
	char text[ERROR_MESSAGE_SIZE];
	va_list args;

	if (!vm->ops->log)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	vm->ops->log(vm, level, text);
}

/* Time. */

/* In ms; stands still while the host sleeps, as the guest does. */
static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

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
		say(vm, VM_LOG_VERBOSE, "%s", err.message);
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
			state_set(vm, VM_QUITTING);
	}
}

static void state_set(struct vm *vm, enum vm_state state)
{
	struct supervision *s = vm->supervision;

	say(vm, VM_LOG_VERBOSE, "%s -> %s", vm_state_name(vm->state), vm_state_name(state));
	vm->state = state;
	switch (state) {
	case VM_STARTING:
		break;
	case VM_RUNNING:
		call_started(vm);
		break;
	case VM_POWERING_DOWN:
		set_times(s, now() + supervise_timing.repeat,
			  now() + (uint64_t)vm->shutdown_timeout * 1000);
		ask_power_off(vm);
		break;
	case VM_QUITTING:
		set_times(s, 0, now() + supervise_timing.quit);
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
			state_set(vm, VM_POWERING_DOWN);
			say(vm, VM_LOG_NOTICE, "powering off, within %u s (again: at once)",
			    vm->shutdown_timeout);
		} else {
			state_set(vm, VM_QUITTING);
		}
		break;
	case VM_POWERING_DOWN:
		state_set(vm, VM_QUITTING);
		break;
	case VM_QUITTING:
		state_set(vm, VM_KILLING);
		break;
	case VM_KILLING:
	case VM_GONE:
		break;
	}
}

/* Something failed that ends the VM, gracefully if that can be. */
static void fail(struct vm *vm, const struct error *err)
{
	outcome_fail(&vm->supervision->outcome, err);
	say(vm, VM_LOG_NOTICE, "%s", err->message);
	if (vm->state < VM_POWERING_DOWN)
		step(vm);
}

static void timer_ready(int fd, uint32_t events, void *context)
{
	struct vm *vm = context;
	struct supervision *s = vm->supervision;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return;
	if (s->deadline && now() >= s->deadline) {
		if (vm->state == VM_POWERING_DOWN)
			say(vm, VM_LOG_NOTICE, "no power-off within %u s, QEMU is told to quit",
			    vm->shutdown_timeout);
		else
			say(vm, VM_LOG_NOTICE, "QEMU does not quit and is killed");
		step(vm);
	} else if (s->repeat && now() >= s->repeat) {
		ask_power_off(vm);
		set_times(s, now() + supervise_timing.repeat, s->deadline);
	}
}

/* Signals. */

void supervise_signal(struct vm *vm, int signo)
{
	struct supervision *s = vm->supervision;

	s->last_wish = now();
	if (!s->outcome.signo)
		s->outcome.signo = signo;
	if (signo == SIGKILL && vm->state < VM_KILLING)
		state_set(vm, VM_KILLING);
	else if (signo == SIGQUIT && vm->state < VM_QUITTING)
		state_set(vm, VM_QUITTING);
	else
		step(vm);
}

/* A wish said twice in a moment is one wish: see struct supervise_timing. */
static void end_signal(struct vm *vm, int signo)
{
	struct supervision *s = vm->supervision;

	if (s->outcome.signo && signo != SIGQUIT &&
	    now() < s->last_wish + supervise_timing.same_wish)
		return;
	supervise_signal(vm, signo);
}

static void handle_signal(struct vm *vm, int signo, pid_t sender)
{
	switch (signo) {
	case SIGINT:
	case SIGTERM:
	case SIGHUP:
	case SIGQUIT:
		say(vm, VM_LOG_VERBOSE, "SIG%s from process %d", sigabbrev_np(signo), (int)sender);
		end_signal(vm, signo);
		break;
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		/* The guest runs on, unless QEMU has the terminal: the signal is for both then. */
		signals_suspend(signo);
		break;
	default:
		/* SIGCHLD comes with the pidfd, SIGPIPE with EPIPE; the rest means nothing here. */
		break;
	}
}

static void signals_ready(int fd, uint32_t events, void *context)
{
	struct vm *vm = context;
	pid_t sender;
	int signo;

	while ((signo = signals_read(fd, &sender)) != 0)
		handle_signal(vm, signo, sender);
}

/* QMP. */

static void on_ready(void *context)
{
	struct vm *vm = context;

	if (vm->state == VM_STARTING) {
		state_set(vm, VM_RUNNING);
		return;
	}
	call_started(vm);
	if (vm->state == VM_POWERING_DOWN)
		ask_power_off(vm);
	else if (vm->state == VM_QUITTING)
		tell_quit(vm);
}

static const char *text_of(struct json_object *data, const char *member)
{
	struct json_object *value;

	if (data && json_object_object_get_ex(data, member, &value) &&
	    json_object_is_type(value, json_type_string))
		return json_object_get_string(value);
	return "";
}

static void tell_disk(struct vm *vm, struct json_object *data)
{
	if (strcmp(text_of(data, "action"), "stop") != 0 || vm->supervision->disk_told)
		return;
	vm->supervision->disk_told = true;
	say(vm, VM_LOG_NOTICE, "the VM is paused: a disk of it cannot be read or written%s",
	    json_object_get_boolean(json_object_object_get(data, "nospace"))
		    ? " (no space left on device)"
		    : "");
}

static void on_event(const char *name, struct json_object *data, void *context)
{
	struct vm *vm = context;
	struct supervision *s = vm->supervision;

	say(vm, VM_LOG_VERBOSE, "QEMU: %s", name);
	if (strcmp(name, "SHUTDOWN") == 0) {
		outcome_shutdown(&s->outcome, text_of(data, "reason"));
		set_times(s, 0, s->deadline);
	} else if (strcmp(name, "BLOCK_IO_ERROR") == 0) {
		tell_disk(vm, data);
	} else if (strcmp(name, "RESUME") == 0) {
		s->disk_told = false;
	}
	if (vm->ops->event)
		vm->ops->event(vm, name, data);
}

static void on_reply(const char *command, struct json_object *result, const struct error *failure,
		     void *context)
{
	struct vm *vm = context;

	if (failure)
		say(vm, VM_LOG_VERBOSE, "%s", failure->message);
	if (vm->ops->reply)
		vm->ops->reply(vm, command, result, failure);
}

static const struct qmp_ops qmp_ops = { on_ready, on_event, on_reply };

static void qmp_ready(int fd, uint32_t events, void *context)
{
	struct vm *vm = context;
	struct error err;
	int result = qmp_receive(vm->qmp, &err);

	if (result == 0)
		return;
	vm->supervision->qmp_over = true;
	loop_remove(vm->loop, fd);
	/* End-of-file is how QEMU goes; what is no QMP is another matter. */
	if (result == -EPROTO && vm->state == VM_STARTING)
		fail(vm, &err);
	else
		say(vm, result == -EPROTO ? VM_LOG_NOTICE : VM_LOG_VERBOSE, "%s", err.message);
}

/* vmrun-netsetup. */

static void netsetup_ready(int fd, uint32_t events, void *context);

/* The owner may have put another socket in the place of the one that is watched. */
static int watch_netsetup(struct vm *vm, struct error *err)
{
	struct supervision *s = vm->supervision;
	int result = 0;

	if (s->watched >= 0)
		loop_remove(vm->loop, s->watched);
	s->watched = -1;
	if (vm->netsetup_fd >= 0)
		result = loop_add(vm->loop, vm->netsetup_fd, EPOLLIN | EPOLLRDHUP, netsetup_ready,
				  vm, err);
	if (result == 0)
		s->watched = vm->netsetup_fd;
	return result;
}

static void netsetup_ready(int fd, uint32_t events, void *context)
{
	struct vm *vm = context;
	struct error err;
	int result;

	loop_remove(vm->loop, fd);
	vm->supervision->watched = -1;
	if (vm->ops->netsetup)
		result = vm->ops->netsetup(vm, &err);
	else
		result = error_say(&err, STATUS_FAILURE, ECONNRESET,
				   "vmrun-netsetup has ended: '%s' is off the LAN", vm->name);
	if (result == 0)
		result = watch_netsetup(vm, &err);
	if (result < 0)
		fail(vm, &err);
}

/* QEMU's end. */

#define DRAIN_MAX 64

static void qemu_ended(int fd, uint32_t events, void *context)
{
	struct vm *vm = context;
	struct supervision *s = vm->supervision;
	struct error err;
	int i;

	/* Hear first what came before it: a Ctrl-C for both of us, the reason of the shutdown. */
	signals_ready(s->signals, EPOLLIN, vm);
	for (i = 0; i < DRAIN_MAX && !s->qmp_over; i++)
		qmp_ready(qmp_fd(vm->qmp), EPOLLIN, vm);

	loop_remove(vm->loop, fd);
	s->outcome.state = vm->state;
	if (process_wait(&vm->qemu, &s->outcome.end, &err) < 0)
		outcome_fail(&s->outcome, &err);
	state_set(vm, VM_GONE);
}

static int watch(struct vm *vm, struct error *err)
{
	struct supervision *s = vm->supervision;
	int result;

	s->signals = signals_open(err);
	if (s->signals < 0)
		return s->signals;
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->timer < 0)
		return error_set(err, errno, "cannot make a timer");

	result = loop_add(vm->loop, s->signals, EPOLLIN, signals_ready, vm, err);
	if (result == 0)
		result = loop_add(vm->loop, s->timer, EPOLLIN, timer_ready, vm, err);
	if (result == 0)
		result = loop_add(vm->loop, qmp_fd(vm->qmp), EPOLLIN, qmp_ready, vm, err);
	if (result == 0)
		result = loop_add(vm->loop, vm->qemu.pidfd, EPOLLIN, qemu_ended, vm, err);
	if (result == 0)
		result = watch_netsetup(vm, err);
	return result;
}

/* What was watched, and QEMU if it is still there. */
static void end(struct vm *vm)
{
	struct supervision *s = vm->supervision;

	if (vm->qemu.pid > 0)
		loop_remove(vm->loop, vm->qemu.pidfd);
	process_kill(&vm->qemu);
	if (vm->qmp)
		loop_remove(vm->loop, qmp_fd(vm->qmp));
	qmp_free(take_ptr(&vm->qmp));
	if (s->watched >= 0)
		loop_remove(vm->loop, s->watched);
	if (s->timer >= 0) {
		loop_remove(vm->loop, s->timer);
		close(s->timer);
	}
	if (s->signals >= 0) {
		loop_remove(vm->loop, s->signals);
		close(s->signals);
	}
	vm->state = VM_GONE;
	vm->supervision = NULL;
}

int supervise_run(struct vm *vm, struct error *err)
{
	struct supervision s = { .signals = -1, .timer = -1, .watched = -1 };
	struct error failure = { 0 };
	int result = -1;

	memset(err, 0, sizeof(*err));
	vm->supervision = &s;
	vm->state = VM_STARTING;
	vm->qmp = qmp_new(vm->qmp_fd, &qmp_ops, vm, &failure);
	vm->qmp_fd = -1;

	if (vm->qmp)
		result = watch(vm, &failure);
	if (result == 0)
		result = loop_run(vm->loop, &failure);
	end(vm);
	if (result < 0) {
		*err = failure;
		return (int)failure.status;
	}
	return outcome_status(&s.outcome, err);
}
