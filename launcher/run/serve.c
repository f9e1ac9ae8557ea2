// SPDX-License-Identifier: GPL-2.0-or-later
// Runs QEMU and serves the user's other commands until QEMU ends.
#include "launcher/run/serve.h"

#include <errno.h>
#include <string.h>

#include "launcher/common/log.h"
#include "launcher/common/signals.h"
#include "launcher/definition/machine.h"
#include "launcher/definition/type_port.h"
#include "launcher/guest/guest_agent.h"
#include "launcher/guest/ssh.h"
#include "launcher/qemu/qemu_boot.h"
#include "launcher/qemu/qemu_confine.h"
#include "launcher/qemu/qemu_process.h"
#include "launcher/run/hints.h"
#include "launcher/run/host_memory.h"
#include "launcher/run/shutdown.h"
#include "launcher/run/status.h"
#include "launcher/run/supervise.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

/* Seconds beyond the guest's power-off: QEMU quits, and the service restores the host. */
#define STOP_SECONDS 20

/* Requests of the user's other commands. */

static struct json_object *on_status(void *context)
{
	const struct run *run = context;
	struct json_object *status = status_json(&run->plan, &run->lan_cards, run->vm, &run->pause,
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
	shutdown_request(run->vm, now ? SIGQUIT : SIGTERM);
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

/* Sends the state of the VM's LAN attachment, which a service manager shows as the status. */
static void notify_lan(const struct run *run, const char *prefix)
{
	const struct lan_place *place = &run->lan_cards.sessions[0].roam.place;
	char address[IPV4_TEXT_SIZE];

	if (run->lan_cards.count == 0)
		sd_notify_send(&run->sd_notify, "%sSTATUS=Running, not on the LAN", prefix);
	else if (place->state == LAN_UP)
		sd_notify_send(&run->sd_notify, "%sSTATUS=On the LAN: %s/%u on %s", prefix,
			       ipv4_text(place->address, address), place->prefix_length,
			       place->uplink);
	else
		sd_notify_send(&run->sd_notify, "%sSTATUS=Off the LAN: %s", prefix, place->reason);
}

static void vm_event(struct vm *vm, const char *name, struct json_object *data)
{
	struct run *run = vm->context;

	guest_agent_event(name, data, &run->agent_connected);
	if (!pause_event(&run->pause, name, data) || vm->state != VM_RUNNING)
		return;
	if (!run->pause.paused) {
		log_notice("%s: resumed", vm->name);
		notify_lan(run, "");
		return;
	}
	log_verbose("%s: paused", vm->name);
	sd_notify_send(&run->sd_notify, "STATUS=Paused%s%s", run->pause.reason ? ": " : "",
		       run->pause.reason ? run->pause.reason : "");
}

/* A guest may take the definition's time to power off: the manager's stop timeout is extended. */
static void vm_changed(struct vm *vm)
{
	const struct run *run = vm->context;

	if (vm->state == VM_POWERING_DOWN)
		pause_end(&run->pause, vm);
	if (vm->state == VM_POWERING_DOWN)
		sd_notify_send(&run->sd_notify,
			       "STOPPING=1\nSTATUS=Powering down\nEXTEND_TIMEOUT_USEC=%u000000",
			       vm->shutdown_timeout + STOP_SECONDS);
	else if (vm->state == VM_QUITTING || vm->state == VM_GONE)
		sd_notify_send(&run->sd_notify, "STOPPING=1\nSTATUS=Ending");
}

static int vm_started(struct vm *vm, struct error *err)
{
	struct run *run = vm->context;
	struct detach_ready ready = { 0 };

	disks_opened(&run->disks);
	uefi_vars_opened(&run->firmware);
	notify_lan(run, "READY=1\n");
	lan_cards_report(&run->lan_cards, vm->qmp);
	if (run->plan.cards[0].lan)
		ready.ssh = (struct sockaddr_in){ .sin_family = AF_INET,
						  .sin_port = htons(MACHINE_SSH_PORT),
						  .sin_addr = run->plan.cards[0].lan->address };
	else
		type_port_find_ssh(&run->definition, &ready.ssh);
	snprintf(ready.name, sizeof(ready.name), "%s", vm->name);
	hints_print(run, &ready.ssh);
	detach_report(&run->detach, &ready, run->qemu_fds.log, vm->loop);
	return qemu_boot_restore(&run->definition, vm->qmp, err);
}

static int vm_netsetup(struct vm *vm, unsigned int card, struct error *err)
{
	struct run *run = vm->context;

	return lan_cards_event(&run->lan_cards, card, err);
}

static void state_changed(void *context)
{
	notify_lan(context, "");
}

static void address_changed(struct in_addr address, void *context)
{
	const struct run *run = context;
	char text[IPV4_TEXT_SIZE];

	runtime_dir_write_address(&run->runtime_dir, ipv4_text(address, text));
	notify_lan(run, "");
}

static const struct vm_ops vm_ops = {
	.log = vm_log,
	.started = vm_started,
	.changed = vm_changed,
	.event = vm_event,
	.netsetup = vm_netsetup,
};

/* Callbacks of the backends. */

static void backend_output(const char *name, const char *line, void *context)
{
	const struct run *run = context;

	log_notice("%s: %s: %s", run->definition.name, name, line);
}

static void backend_lost(const char *name, const char *how, void *context)
{
	const struct run *run = context;

	log_notice("%s: %s %s: the guest runs without it", run->definition.name, name, how);
}

static const struct backend_ops backend_ops = { backend_output, backend_lost };

static int watch_lan(struct run *run, struct vm *vm, struct loop *loop, struct error *err)
{
	struct lan_session *first = &run->lan_cards.sessions[0];

	first->address_changed = address_changed;
	first->state_changed = state_changed;
	first->context = run;
	vm->netsetup_fds = run->lan_cards.sockets;
	vm->netsetup_count = run->lan_cards.count;
	return lan_cards_watch(&run->lan_cards, loop, err);
}

static int start_qemu(const struct run *run, struct process *qemu, struct error *err)
{
	struct confinement confinement;
	const struct qemu_process_config config = { .argv = &run->argv,
						    .fds = run->qemu_fds.fds,
						    .fd_count = run->qemu_fds.fd_count,
						    .directory = run->definition.directory,
						    .confinement = &confinement,
						    .stdio = run->plan.console == CONSOLE_STDIO };
	int ret = qemu_confine(&run->plan, &confinement, err);

	if (ret)
		return ret;
	if (confinement.ruleset.fd < 0)
		log_verbose("%s: QEMU can open all of your files: this kernel has no Landlock",
			    run->definition.name);
	ret = qemu_process_start(&config, qemu, err);
	if (ret == -EACCES)
		qemu_confine_remedy(err);
	confinement_done(&confinement);
	return ret;
}

/* Starts QEMU as @vm and supervises it to its end. */
static int serve(struct run *run, struct vm *vm, struct loop *loop, struct error *err)
{
	run->vm = vm;
	run->control = control_open(loop, run->runtime_dir.directory, &control_ops, run, err);
	if (!run->control || backend_watch(&run->backends, loop, &backend_ops, run, err) < 0 ||
	    watch_lan(run, vm, loop, err) < 0 || signals_check(err) < 0 ||
	    start_qemu(run, &vm->qemu, err) < 0)
		return err->status;
	/* QEMU has them now; QMP must reach end-of-file when QEMU closes its end. */
	qemu_fds_close(&run->qemu_fds);
	vm->qmp_fd = take_fd(&run->qemu_fds.qmp);
	return supervise_run(vm, err);
}

int serve_run(struct run *run, struct loop *loop, struct error *err)
{
	struct vm vm = { .name = run->definition.name,
			 .args = run->definition.qemu.arg_count > 0,
			 .qemu = PROCESS_NONE,
			 .loop = loop,
			 .shutdown_timeout = run->definition.shutdown_timeout,
			 .ops = &vm_ops,
			 .context = run };
	struct timespec now;
	int status;

	clock_gettime(CLOCK_BOOTTIME, &now);
	run->started = now.tv_sec;
	sd_notify_open(&run->sd_notify);
	status = serve(run, &vm, loop, err);
	if (status == STATUS_FAILURE && err->code == ECHILD)
		host_memory_remedy(run->definition.memory, err);
	run->vm = NULL;
	return status;
}
