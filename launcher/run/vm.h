// SPDX-License-Identifier: GPL-2.0-or-later
// Describes a running VM: state, QEMU process and the owner's callbacks.
#ifndef LAUNCHER_RUN_VM_H
#define LAUNCHER_RUN_VM_H

#include <json-c/json.h>

#include "launcher/common/loop.h"
#include "launcher/common/process.h"
#include "launcher/qemu/qmp.h"
#include "netsetup/base/error.h"

enum vm_state {
	VM_STARTING,      /* QEMU runs, its QMP has not answered yet */
	VM_RUNNING,       /* QMP has answered, no end was requested */
	VM_POWERING_DOWN, /* vmrun sends the guest requests to power off */
	VM_QUITTING,      /* vmrun has sent QEMU 'quit' or SIGINT */
	VM_KILLING,       /* vmrun has sent QEMU SIGKILL */
	VM_GONE,          /* QEMU has ended */
};

/* Levels of a log line: a notice is printed without --quiet, the other with --verbose only. */
enum vm_log {
	VM_LOG_NOTICE,
	VM_LOG_VERBOSE,
};

struct vm;

/**
 * struct vm_ops - callbacks of the VM's owner; every member may be NULL. All of them may use
 * `vm->qmp`.
 * @log: prints one line of text.
 * @started: QMP answers: QEMU has opened all its files. A negative errno ends the VM with @err.
 * @changed: `vm->state` has changed.
 * @event: a QMP event, after supervise_run() has handled it.
 * @reply: the reply to a command sent with qmp_send(vm->qmp, ...); see struct qmp_ops.
 * @netsetup: `vm->netsetup_fds[card]` is readable or closed by its peer. The owner reads it; it may
 *            change `vm->netsetup_fds[card]` to another socket. A negative errno means that the
 *            card has lost its attachment to the LAN: the guest is powered off and the run ends
 *            with @err. If NULL, any event counts as that loss.
 */
struct vm_ops {
	void (*log)(struct vm *vm, enum vm_log level, const char *text);
	int (*started)(struct vm *vm, struct error *err);
	void (*changed)(struct vm *vm);
	void (*event)(struct vm *vm, const char *name, struct json_object *data);
	void (*reply)(struct vm *vm, const char *command, struct json_object *result,
		      const struct error *failure);
	int (*netsetup)(struct vm *vm, unsigned int card, struct error *err);
};

/**
 * struct vm - a running VM.
 * @name: for messages.
 * @qemu: the started QEMU; supervise_run() reaps it.
 * @qmp_fd: vmrun's end of its QMP; supervise_run() owns and closes it.
 * @netsetup_fds: @netsetup_count sockets to vmrun-netsetup, one for each card on the LAN; the
 *                owner's.
 * @loop: the owner may add descriptors to it.
 * @args: QEMU has arguments of 'qemu.args'.
 * @shutdown_timeout: seconds to wait for power-off; 0 quits QEMU at once.
 * @context: the owner's.
 * @qmp: set during supervise_run().
 * @state: set during supervise_run(), read-only.
 * @supervision: set during supervise_run(), private.
 */
struct vm {
	const char *name;
	struct process qemu;
	int qmp_fd;
	int *netsetup_fds;
	unsigned int netsetup_count; /* 0..CARDS_MAX */
	struct loop *loop;
	bool args;
	unsigned int shutdown_timeout;
	const struct vm_ops *ops;
	void *context;
	struct qmp *qmp;
	enum vm_state state;
	struct supervision *supervision;
};

/* vm_state_name() - "running", "powering down", ... */
const char *vm_state_name(enum vm_state state);

/* vm_logf() - pass one line of text to the VM's owner. */
void vm_logf(struct vm *vm, enum vm_log level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
