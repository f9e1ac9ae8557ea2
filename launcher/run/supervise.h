// SPDX-License-Identifier: GPL-2.0-or-later
// A VM's life and end: watch QEMU, power the guest off gracefully when asked to, tell how it ended.
#ifndef LAUNCHER_RUN_SUPERVISE_H
#define LAUNCHER_RUN_SUPERVISE_H

#include <json-c/json.h>

#include "launcher/common/loop.h"
#include "launcher/common/process.h"
#include "launcher/qemu/qmp.h"
#include "netsetup/base/error.h"

enum vm_state {
	VM_STARTING,      /* QEMU runs, its QMP has not answered yet */
	VM_RUNNING,       /* nothing to do but to wait */
	VM_POWERING_DOWN, /* the guest is asked to power off, again and again */
	VM_QUITTING,      /* QEMU is told to quit */
	VM_KILLING,       /* QEMU is killed */
	VM_GONE,          /* QEMU has ended */
};

/* What the user is told: always (but with --quiet), or with --verbose only. */
enum vm_log {
	VM_LOG_NOTICE,
	VM_LOG_VERBOSE,
};

struct vm;

/**
 * struct vm_ops - what the VM's owner is told; every member may be NULL. `vm->qmp` may be used in
 * all of them.
 * @log: one line of text.
 * @started: QMP answers: QEMU has opened all its files. A negative errno ends the VM with @err.
 * @changed: `vm->state` is another.
 * @event: a QMP event, after it was acted on.
 * @reply: the reply to a command sent with qmp_send(vm->qmp, ...); see struct qmp_ops.
 * @netsetup: `vm->netsetup_fd` is readable or at its end. The owner reads it; it may change
 *            `vm->netsetup_fd` to another helper's socket. A negative errno: the VM has lost its
 *            place on the LAN; it is powered off and @err is the reason of its end. When NULL, any
 *            event counts as that loss.
 */
struct vm_ops {
	void (*log)(struct vm *vm, enum vm_log level, const char *text);
	int (*started)(struct vm *vm, struct error *err);
	void (*changed)(struct vm *vm);
	void (*event)(struct vm *vm, const char *name, struct json_object *data);
	void (*reply)(struct vm *vm, const char *command, struct json_object *result,
		      const struct error *failure);
	int (*netsetup)(struct vm *vm, struct error *err);
};

/**
 * struct vm - a running VM.
 * @name: for messages.
 * @qemu: QEMU, started; reaped by supervise_run().
 * @qmp_fd: this side's end of its QMP; owned and closed by supervise_run().
 * @netsetup_fd: socket to vmrun-netsetup, or -1; not owned.
 * @loop: where the owner may watch descriptors of its own.
 * @shutdown_timeout: seconds that the guest has to power off; 0: it is not asked.
 * @ops: the callbacks.
 * @context: the owner's.
 * @qmp: set during supervise_run().
 * @state: set during supervise_run(), read-only.
 * @supervision: set during supervise_run(), private.
 */
struct vm {
	const char *name;
	struct process qemu;
	int qmp_fd;
	int netsetup_fd;
	struct loop *loop;
	unsigned int shutdown_timeout;
	const struct vm_ops *ops;
	void *context;
	struct qmp *qmp;
	enum vm_state state;
	struct supervision *supervision;
};

/**
 * struct supervise_timing - the ladder's steps, in milliseconds.
 * @repeat: between two requests to power off; a guest that is still booting misses some.
 * @quit: from telling QEMU to quit to killing it.
 * @same_wish: a signal so soon after the one before says the same once more (a closed terminal
 *             and its shell, timeout(1), systemd's SendSIGHUP= send two) and is no step.
 */
struct supervise_timing {
	unsigned int repeat;
	unsigned int quit;
	unsigned int same_wish;
};

/* The timing of every run; a test may shorten it before supervise_run(). */
extern struct supervise_timing supervise_timing;

/**
 * supervise_run() - watch the VM until QEMU is gone.
 *
 * signals_block() must have been called. SIGINT, SIGTERM or SIGHUP begins the ladder: power off,
 * quit, kill; each further one takes the next step at once. SIGQUIT begins it at quit.
 *
 * @vm: see there.
 * @err: why it failed; code is 0 and the message empty when there is nothing to tell.
 *
 * Return: the exit status. STATUS_OK: the guest powered off, by itself or because a signal asked
 * for it, or the user closed its window. STATUS_SIGNAL + n: signal n began the end and the guest
 * did not power off by itself. STATUS_FAILURE and others: see @err.
 */
int supervise_run(struct vm *vm, struct error *err);

/**
 * supervise_signal() - act as if a signal had come, for a request that comes another way.
 * @vm: within supervise_run(): from one of its callbacks, or from a function of its loop.
 * @signo: SIGTERM: graceful, SIGQUIT: quit, SIGKILL: kill; not subject to @same_wish.
 */
void supervise_signal(struct vm *vm, int signo);

/* vm_state_name() - "running", "powering down", ... */
const char *vm_state_name(enum vm_state state);

#endif
