// SPDX-License-Identifier: GPL-2.0-or-later
// Watches a VM's descriptors and passes their events on until QEMU ends.
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
 * Theory of operation: this file reads the events of a VM from all descriptors; shutdown.c acts
 * on them.
 */

/* Signals. */

static void handle_signal(struct vm *vm, int signo, pid_t sender)
{
	switch (signo) {
	case SIGINT:
	case SIGTERM:
	case SIGHUP:
	case SIGQUIT:
		vm_logf(vm, VM_LOG_VERBOSE, "SIG%s from process %d", sigabbrev_np(signo),
			(int)sender);
		shutdown_signal(vm, signo);
		break;
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		/* The guest keeps running, unless QEMU has the terminal and receives the signal. */
		signals_suspend(signo);
		break;
	default:
		/* The pidfd replaces SIGCHLD, EPIPE replaces SIGPIPE; the rest is ignored. */
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
	shutdown_ready(context);
}

static void report_disk(struct vm *vm, struct json_object *data)
{
	if (strcmp(json_text(data, "action"), "stop") != 0 || vm->supervision->disk_reported)
		return;
	vm->supervision->disk_reported = true;
	vm_logf(vm, VM_LOG_NOTICE,
		"the VM is paused: cannot read or write a disk%s; repair it, then run: "
		"vmrun resume %s",
		json_object_get_boolean(json_object_object_get(data, "nospace"))
			? " (no space left on device)"
			: "",
		vm->name);
}

static void on_event(const char *name, struct json_object *data, void *context)
{
	struct vm *vm = context;
	struct supervision *s = vm->supervision;

	vm_logf(vm, VM_LOG_VERBOSE, "QEMU: %s", name);
	if (strcmp(name, "SHUTDOWN") == 0) {
		exit_status_shutdown(&s->exit_cause, json_text(data, "reason"));
		shutdown_off(vm);
	} else if (strcmp(name, "BLOCK_IO_ERROR") == 0) {
		report_disk(vm, data);
	} else if (strcmp(name, "RESUME") == 0) {
		s->disk_reported = false;
	}
	if (vm->ops->event)
		vm->ops->event(vm, name, data);
}

static void on_reply(const char *command, struct json_object *result, const struct error *failure,
		     void *context)
{
	struct vm *vm = context;

	if (failure)
		vm_logf(vm, VM_LOG_VERBOSE, "%s", failure->message);
	if (vm->ops->reply)
		vm->ops->reply(vm, command, result, failure);
}

static const struct qmp_ops qmp_ops = { on_ready, on_event, on_reply };

static void qmp_ready(int fd, uint32_t events, void *context)
{
	struct vm *vm = context;
	struct error err;
	int ret = qmp_receive(vm->qmp, &err);

	if (ret == 0)
		return;
	vm->supervision->qmp_over = true;
	loop_remove(vm->loop, fd);
	/* End-of-file is normal when QEMU ends; a peer that does not speak QMP is an error. */
	if (ret != -ECONNRESET && ret != -EPIPE && vm->state == VM_STARTING)
		shutdown_fail(vm, &err);
	else
		vm_logf(vm, ret == -EPROTO ? VM_LOG_NOTICE : VM_LOG_VERBOSE, "%s", err.message);
}

/* vmrun-netsetup. */

static void netsetup_ready(int fd, uint32_t events, void *context);

static void forget_netsetup(struct vm *vm, unsigned int card)
{
	int *watched = &vm->supervision->watched[card];

	if (*watched >= 0)
		loop_remove(vm->loop, *watched);
	*watched = -1;
}

/* Watches a card's socket anew: the owner may have replaced it. */
static int watch_netsetup(struct vm *vm, unsigned int card, struct error *err)
{
	const int fd = vm->netsetup_fds[card];
	int ret = 0;

	forget_netsetup(vm, card);
	if (fd >= 0)
		ret = loop_add(vm->loop, fd, EPOLLIN | EPOLLRDHUP, netsetup_ready, vm, err);
	if (ret == 0)
		vm->supervision->watched[card] = fd;
	return ret;
}

static int watch_cards(struct vm *vm, struct error *err)
{
	int ret = 0;

	for (unsigned int card = 0; card < vm->netsetup_count && ret == 0; card++)
		ret = watch_netsetup(vm, card, err);
	return ret;
}

static void netsetup_ready(int fd, uint32_t events, void *context)
{
	struct vm *vm = context;
	unsigned int card = 0;
	struct error err;
	int ret;

	while (vm->supervision->watched[card] != fd)
		card++;
	forget_netsetup(vm, card);
	if (vm->ops->netsetup)
		ret = vm->ops->netsetup(vm, card, &err);
	else
		ret = error_setf(&err, STATUS_FAILURE, ECONNRESET,
				 "vmrun-netsetup has ended: '%s' is off the LAN", vm->name);
	if (ret == 0)
		ret = watch_netsetup(vm, card, &err);
	if (ret < 0)
		shutdown_fail(vm, &err);
}

/* QEMU's end. */

#define DRAIN_MAX 64

static void qemu_ended(int fd, uint32_t events, void *context)
{
	struct vm *vm = context;
	struct supervision *s = vm->supervision;
	struct error err;
	int i;

	/* Read earlier events first: a Ctrl-C for vmrun and QEMU, the reason of the shutdown. */
	signals_ready(s->signals, EPOLLIN, vm);
	for (i = 0; i < DRAIN_MAX && !s->qmp_over; i++)
		qmp_ready(qmp_fd(vm->qmp), EPOLLIN, vm);

	loop_remove(vm->loop, fd);
	s->exit_cause.state = vm->state;
	if (process_wait(&vm->qemu, &s->exit_cause.end, &err) < 0)
		exit_status_fail(&s->exit_cause, &err);
	shutdown_set(vm, VM_GONE);
}

static int watch(struct vm *vm, struct error *err)
{
	struct supervision *s = vm->supervision;
	int ret;

	s->signals = signals_open(err);
	if (s->signals < 0)
		return s->signals;
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->timer < 0)
		return error_set_errno(err, errno, "cannot make a timer");

	ret = loop_add(vm->loop, s->signals, EPOLLIN, signals_ready, vm, err);
	if (ret == 0)
		ret = loop_add(vm->loop, s->timer, EPOLLIN, shutdown_timer, vm, err);
	if (ret == 0)
		ret = loop_add(vm->loop, qmp_fd(vm->qmp), EPOLLIN, qmp_ready, vm, err);
	if (ret == 0)
		ret = loop_add(vm->loop, vm->qemu.pidfd, EPOLLIN, qemu_ended, vm, err);
	if (ret == 0)
		ret = watch_cards(vm, err);
	return ret;
}

/* Kills QEMU if it still runs, and closes what was watched. */
static void end(struct vm *vm)
{
	struct supervision *s = vm->supervision;

	if (vm->qemu.pid > 0)
		loop_remove(vm->loop, vm->qemu.pidfd);
	process_kill(&vm->qemu);
	if (vm->qmp)
		loop_remove(vm->loop, qmp_fd(vm->qmp));
	qmp_free(take_ptr(&vm->qmp));
	for (unsigned int card = 0; card < CARDS_MAX; card++)
		forget_netsetup(vm, card);
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
	struct supervision s = { .signals = -1, .timer = -1, .exit_cause.args = vm->args };
	struct error failure = { 0 };
	int ret = -1;

	memset(err, 0, sizeof(*err));
	memset(s.watched, -1, sizeof(s.watched));
	vm->supervision = &s;
	vm->state = VM_STARTING;
	vm->qmp = qmp_new(vm->qmp_fd, &qmp_ops, vm, &failure);
	vm->qmp_fd = -1;

	if (vm->qmp)
		ret = watch(vm, &failure);
	if (ret == 0)
		ret = loop_run(vm->loop, &failure);
	end(vm);
	if (ret < 0) {
		error_context(&failure, "cannot watch over VM '%s'", vm->name);
		*err = failure;
		return (int)failure.status;
	}
	return exit_status_get(&s.exit_cause, err);
}
