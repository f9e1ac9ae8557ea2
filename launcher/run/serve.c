// SPDX-License-Identifier: GPL-2.0-or-later
// Runs QEMU and serves the user's other commands until the guest is gone.
#include "launcher/run/serve.h"

#include <string.h>

#include "launcher/common/log.h"
#include "launcher/definition/machine.h"
#include "launcher/definition/type_port.h"
#include "launcher/guest/guest_agent.h"
#include "launcher/guest/ssh.h"
#include "launcher/qemu/qemu_process.h"
#include "launcher/run/shutdown.h"
#include "launcher/run/status.h"
#include "launcher/run/supervise.h"
#include "launcher/run/wait_ssh.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

/* After the guest's own time: QEMU's to quit, ours to undo what was done to the host. */
#define STOP_SECONDS 20

/* Requests of the user's other commands. */

static struct json_object *on_status(void *context)
{
	const struct run *run = context;
	struct json_object *status = vmstatus(&run->plan, &run->member, run->vm, &run->pause,
					      run->started);

	if (run->definition.guest_agent)
		json_object_object_add(status, "agent-connected",
				       json_object_new_boolean(run->agent_connected));
	return status;
}

static void on_stop(bool now, int timeout, void *context)
{
	struct run *run = context;

	if (timeout >= 0)
		run->vm->shutdown_timeout = (unsigned int)timeout;
	supervise_signal(run->vm, now ? SIGQUIT : SIGTERM);
}

static int on_pause(bool paused, void *context, struct error *err)
{
	struct run *run = context;

	return pause_ask(&run->pause, run->vm, paused, err);
}

static const struct control_ops control_ops = { .status = on_status,
						.stop = on_stop,
						.pause = on_pause };

/* Callbacks of supervise_run(). */

static void vm_log(struct vm *vm, enum vm_log level, const char *text)
{
	if (level == VM_LOG_NOTICE)
		log_notice("%s: %s", vm->name, text);
	else
		log_verbose("%s: %s", vm->name, text);
}

/* What a service manager shows beside the service: where the VM is, or that it is not. */
static void notify_place(const struct run *run, const char *also)
{
	const struct ready_record *place = &run->member.lan.ready;
	char address[IPV4_TEXT_SIZE];

	if (run->definition.network.type != NETWORK_LAN)
		notify_send(&run->notify, "%sSTATUS=Running, not on the LAN", also);
	else if (place->state == LAN_UP)
		notify_send(&run->notify, "%sSTATUS=On the LAN: %s/%u on %s", also,
			    ipv4_text(place->address, address), place->prefix_length,
			    place->uplink);
	else
		notify_send(&run->notify, "%sSTATUS=Off the LAN: %s", also, place->reason);
}

static void vm_event(struct vm *vm, const char *name, struct json_object *data)
{
	struct run *run = vm->context;

	agent_event(name, data, &run->agent_connected);
	if (!pause_event(&run->pause, name, data) || vm->state != VM_RUNNING)
		return;
	if (!run->pause.paused) {
		log_notice("%s: the VM goes on", vm->name);
		notify_place(run, "");
		return;
	}
	log_verbose("%s: paused", vm->name);
	notify_send(&run->notify, "STATUS=Paused%s%s", run->pause.reason ? ": " : "",
		    run->pause.reason ? run->pause.reason : "");
}

/* The time that the guest may take is the definition's: the manager's own is longer than that. */
static void vm_changed(struct vm *vm)
{
	const struct run *run = vm->context;

	if (vm->state == VM_POWERING_DOWN)
		pause_end(&run->pause, vm);
	if (vm->state == VM_POWERING_DOWN)
		notify_send(&run->notify,
			    "STOPPING=1\nSTATUS=Powering down\nEXTEND_TIMEOUT_USEC=%u000000",
			    vm->shutdown_timeout + STOP_SECONDS);
	else if (vm->state == VM_QUITTING || vm->state == VM_GONE)
		notify_send(&run->notify, "STOPPING=1\nSTATUS=Ending");
}

static int vm_started(struct vm *vm, struct error *err)
{
	struct run *run = vm->context;
	struct sockaddr_in ssh = { 0 };

	disks_opened(&run->disks);
	firmware_opened(&run->firmware);
	notify_place(run, "READY=1\n");
	if (run->plan.lan)
		member_tell(&run->member, vm->qmp);
	if (run->plan.lan)
		ssh = (struct sockaddr_in){ .sin_family = AF_INET,
					    .sin_port = htons(MACHINE_SSH_PORT),
					    .sin_addr = run->member.lan.ready.address };
	else
		ports_ssh(&run->definition, &ssh);
	detach_ready(&run->detach, &ssh, run->channels.log, vm->loop);
	return 0;
}

static int vm_netsetup(struct vm *vm, struct error *err)
{
	struct run *run = vm->context;
	const uint32_t before = run->member.lan.ready.state;
	const int rc = member_event(&run->member, err);

	vm->netsetup_fd = run->member.helper.socket;
	if (rc == 0 && run->member.lan.ready.state != before)
		notify_place(run, "");
	return rc;
}

static void address_changed(struct in_addr address, void *context)
{
	const struct run *run = context;
	char text[IPV4_TEXT_SIZE];

	instance_tell(&run->instance, ipv4_text(address, text));
	notify_place(run, "");
}

static const struct vm_ops vm_ops = {
	.log = vm_log,
	.started = vm_started,
	.changed = vm_changed,
	.event = vm_event,
	.netsetup = vm_netsetup,
};

/* Of the programs beside QEMU. */

static void companion_said(const char *name, const char *line, void *context)
{
	const struct run *run = context;

	log_notice("%s: %s: %s", run->definition.name, name, line);
}

static void companion_lost(const char *name, const char *how, void *context)
{
	const struct run *run = context;

	log_notice("%s: %s %s: the guest has to do without it", run->definition.name, name, how);
}

static const struct companion_ops companion_ops = { companion_said, companion_lost };

/* From the start of QEMU, by way of @vm, to its end. */
static int serve(struct run *run, struct vm *vm, struct loop *loop, struct error *err)
{
	const struct qemu_process_config config = { .argv = &run->argv,
						    .fds = run->channels.fds,
						    .fd_count = run->channels.fd_count,
						    .stdio = run->plan.console == CONSOLE_STDIO };

	run->vm = vm;
	run->control = control_open(loop, run->instance.directory, &control_ops, run, err);
	if (!run->control ||
	    companions_watch(&run->companions, loop, &companion_ops, run, err) < 0 ||
	    qemu_process_start(&config, &vm->qemu, err) < 0)
		return err->status;
	/* QEMU has them now; from here on only its end of QMP keeps ours open. */
	channels_given(&run->channels);
	vm->qmp_fd = take_fd(&run->channels.qmp);
	run->member.address_changed = address_changed;
	run->member.context = run;
	if (run->plan.lan) {
		vm->netsetup_fd = run->member.helper.socket;
		member_watch(&run->member, loop);
	}
	return supervise_run(vm, err);
}

int run_serve(struct run *run, struct loop *loop, struct error *err)
{
	struct vm vm = { .name = run->definition.name,
			 .qemu = PROCESS_NONE,
			 .netsetup_fd = -1,
			 .loop = loop,
			 .shutdown_timeout = run->definition.shutdown_timeout,
			 .ops = &vm_ops,
			 .context = run };
	struct timespec now;
	int status;

	clock_gettime(CLOCK_BOOTTIME, &now);
	run->started = now.tv_sec;
	notify_open(&run->notify);
	status = serve(run, &vm, loop, err);
	run->vm = NULL;
	return status;
}
