// SPDX-License-Identifier: GPL-2.0-or-later
// A VM's life and end: watch QEMU, power the guest off gracefully when asked to, tell how it ended.
#include "launcher/run/supervise.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "launcher/common/json.h"
#include "launcher/common/signals.h"
#include "launcher/run/exit_status.h"
#include "launcher/run/shutdown.h"
#include "netsetup/base/cleanup.h"

/*
 * Theory of operation: here is what happens to a VM, from whichever descriptor it is heard;
 * shutdown.c has what follows from it.
 */

/* Signals. */

static void handle_signal(struct vm *vm, int signo, pid_t sender)
{
	switch (signo) {
	case SIGINT:
	case SIGTERM:
	case SIGHUP:
	case SIGQUIT:
		vm_say(vm, VM_LOG_VERBOSE, "SIG%s from process %d", sigabbrev_np(signo),
		       (int)sender);
		ladder_signal(vm, signo);
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
	ladder_ready(context);
}

static void tell_disk(struct vm *vm, struct json_object *data)
{
	if (strcmp(json_text(data, "action"), "stop") != 0 || vm->supervision->disk_told)
		return;
	vm->supervision->disk_told = true;
	vm_say(vm, VM_LOG_NOTICE,
	       "the VM is paused: a disk of it cannot be read or written%s; when that is "
	       "mended: vmrun resume %s",
	       json_object_get_boolean(json_object_object_get(data, "nospace"))
		       ? " (no space left on device)"
		       : "",
	       vm->name);
}

static void on_event(const char *name, struct json_object *data, void *context)
{
	struct vm *vm = context;
	struct supervision *s = vm->supervision;

	vm_say(vm, VM_LOG_VERBOSE, "QEMU: %s", name);
	if (strcmp(name, "SHUTDOWN") == 0) {
		outcome_shutdown(&s->outcome, json_text(data, "reason"));
		ladder_off(vm);
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
		vm_say(vm, VM_LOG_VERBOSE, "%s", failure->message);
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
	if (result != -ECONNRESET && result != -EPIPE && vm->state == VM_STARTING)
		ladder_fail(vm, &err);
	else
		vm_say(vm, result == -EPROTO ? VM_LOG_NOTICE : VM_LOG_VERBOSE, "%s", err.message);
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
		ladder_fail(vm, &err);
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
	ladder_set(vm, VM_GONE);
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
		result = loop_add(vm->loop, s->timer, EPOLLIN, ladder_timer, vm, err);
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
		error_context(&failure, "cannot watch over VM '%s'", vm->name);
		*err = failure;
		return (int)failure.status;
	}
	return outcome_status(&s.outcome, err);
}
