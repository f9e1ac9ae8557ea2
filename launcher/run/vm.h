// SPDX-License-Identifier: GPL-2.0-or-later
// Describes a running VM: its state, its QEMU, and the calls that its owner gets.
#ifndef LAUNCHER_RUN_VM_H
#define LAUNCHER_RUN_VM_H

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

/* vm_state_name() - "running", "powering down", ... */
const char *vm_state_name(enum vm_state state);

/* vm_say() - pass one line of text to the VM's owner. */
void vm_say(struct vm *vm, enum vm_log level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
