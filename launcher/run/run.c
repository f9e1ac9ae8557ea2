// SPDX-License-Identifier: GPL-2.0-or-later
// The command run: boot a VM and stay until the guest is gone.
#include "launcher/run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/common/terminal.h"
#include "launcher/common/xdg.h"
#include "launcher/definition/machine.h"
#include "launcher/definition/type_port.h"
#include "launcher/devices/tpm.h"
#include "launcher/devices/usb.h"
#include "launcher/devices/virtiofs.h"
#include "launcher/devices/vsock.h"
#include "launcher/disks/image_cache.h"
#include "launcher/guest/credential.h"
#include "launcher/guest/login.h"
#include "launcher/guest/nocloud.h"
#include "launcher/guest/ssh.h"
#include "launcher/lock/locked_load.h"
#include "launcher/qemu/accel.h"
#include "launcher/qemu/qemu.h"
#include "launcher/run/launch.h"
#include "launcher/run/serve.h"
#include "launcher/run/stale.h"
#include "netsetup/base/cleanup.h"

/*
 * Theory of operation: struct run is everything that one run has taken. The steps take it in order;
 * run_end() gives all of it back in reverse, whichever step failed. The helpers were started while
 * vmrun may still have had root's rights; these are dropped when run_vm() is called, before a file of
 * the user's is opened.
 */

/* Of all credentials, as they are passed: the table that has them, and more, can have 64 KiB. */
#define CREDENTIALS_SIZE_MAX (48 * 1024)

static void run_init(struct run *run, const struct options *options, struct launch *launch)
{
	memset(run, 0, sizeof(*run));
	run->options = options;
	member_init(&run->member, options->dry_run, options->verbose);
	member_start(&run->member, &launch->helpers);
	run->instance = (struct instance){ .lock = -1 };
	run->keep = (struct keep)KEEP_NONE;
	run->channels = (struct channels)CHANNELS_NONE;
	run->detach = launch->detach;
	run->notify = (struct notify)NOTIFY_NONE;
}

static void run_end(struct run *run)
{
	channels_given(&run->channels);
	member_end(&run->member);
	companions_end(&run->companions);
	channels_done(&run->channels);
	argv_done(&run->argv);
	firmware_done(&run->firmware);
	disks_done(&run->disks);
	keep_end(&run->keep);
	instance_end(&run->instance);
	machine_plan_done(&run->plan);
	definition_done(&run->definition);
	/* Who waits for the VM's end learns it now: all is as before, and it can be started again. */
	control_close(run->control);
	notify_close(&run->notify);
}

/* vhost-net serves a tap's queues in the kernel; used where the user may open it. */
static void open_vhost(struct run *run)
{
	const struct network *network = &run->definition.network;
	const unsigned int queues = machine_queues(&run->definition, true);

	run->plan.vhost = network->type == NETWORK_LAN && machine_virtio(network->model) &&
			  run->plan.accel == ACCEL_KVM &&
			  channels_give_vhost(&run->channels, queues);
	run->plan.queues = run->plan.vhost ? queues : machine_queues(&run->definition, false);
}

static int resolve_host(struct run *run, struct error *err)
{
	const struct definition *definition = &run->definition;
	int rc;

	rc = accel_resolve(definition->machine.accel, definition->qemu.binary, "", &run->plan.accel,
			   err);
	if (rc < 0)
		return rc;
	if (!run->options->dry_run)
		open_vhost(run);
	else
		run->plan.queues = machine_queues(definition, false);
	return 0;
}

/* The address is proven free while the disks are prepared. */
static int ask_for_lan(struct run *run, struct error *err)
{
	const struct network *network = &run->definition.network;

	if (network->type == NETWORK_LAN)
		return member_ask(&run->member, &run->definition, run->plan.queues,
				  machine_offloads(network->model), err);
	member_leave(&run->member);
	return 0;
}

/* QEMU gets copies of the tap's descriptors; the others are for the helper's successor. */
static int join_lan(struct run *run, struct error *err)
{
	struct member *member = &run->member;
	int rc;

	rc = member_join(member, err);
	if (rc < 0)
		return rc;
	run->plan.lan = &member->lan.ready;
	run->plan.dns_count = member->dns_count;
	memcpy(run->plan.dns, member->dns, sizeof(run->plan.dns));
	for (unsigned int i = 0; i < member->lan.ready.queues; i++) {
		int fd = fcntl(member->lan.tap_fds[i], F_DUPFD_CLOEXEC, 0);

		if (fd < 0)
			return error_set(err, errno, "cannot pass tap '%s' on",
					 member->lan.ready.tap);
		channels_give(&run->channels, fd, (int)(QEMU_FD_TAP + i));
	}
	return 0;
}

/* One that is only wished for is done without. */
static int open_vsock(struct run *run, struct error *err)
{
	const enum vsock_mode mode = run->definition.vsock.mode;
	int fd;

	if (mode == VSOCK_NONE || run->options->dry_run)
		return 0;
	fd = vsock_open(&run->definition, "/dev/vhost-vsock", err);
	if (fd < 0 && (mode == VSOCK_GIVEN || fd == -EADDRINUSE))
		return fd;
	if (fd >= 0) {
		channels_give(&run->channels, fd, QEMU_FD_VSOCK);
		return 0;
	}
	log_notice("%s: no vsock: %s", run->definition.name, err->message);
	memset(err, 0, sizeof(*err));
	run->plan.vsock = false;
	return 0;
}

static int make_credentials(struct run *run, struct error *err)
{
	const unsigned int count = credential_count(&run->definition);
	size_t total = 0;

	for (unsigned int i = 0; i < count && !run->options->dry_run; i++) {
		size_t size;
		int fd = credential_open(&run->plan, i, &size, err);

		if (fd < 0)
			return fd;
		channels_give(&run->channels, fd, (int)(QEMU_FD_CREDENTIAL + i));
		total += size;
		if (total > CREDENTIALS_SIZE_MAX)
			return error_say(err, STATUS_DEFINITION, EFBIG,
					 "cannot pass the credentials: they are more than %u KiB",
					 CREDENTIALS_SIZE_MAX / 1024);
	}
	return 0;
}

static int make_seed(struct run *run, struct error *err)
{
	int seed;

	if (!seed_wanted(&run->definition))
		return 0;
	run->plan.seed = true;
	if (run->options->dry_run)
		return 0;
	seed = seed_make(&run->plan, err);
	if (seed < 0)
		return seed;
	channels_give(&run->channels, seed, QEMU_FD_SEED);
	return 0;
}

/* The files that QEMU opens, or the names that they would have. */
static int plan_files(struct run *run, struct error *err)
{
	cleanup_free char *directory = NULL;
	int rc;

	rc = disks_plan(&run->plan, NULL, &run->disks, err);
	if (rc < 0 || !run->definition.machine.firmware.uefi)
		return rc;
	rc = xdg_dir(XDG_DATA, run->definition.name, &directory, err);
	if (rc == 0)
		rc = firmware_plan(&run->definition, directory, false, &run->firmware, err);
	return rc;
}

static int prepare_files(struct run *run, struct error *err)
{
	const struct definition *definition = &run->definition;
	int rc;

	rc = keep_take(definition, &run->keep, err);
	if (rc == 0)
		rc = disks_prepare(&run->plan, run->keep.directory, &run->disks, err);
	if (rc == 0)
		rc = firmware_prepare(definition, run->keep.directory, &run->firmware, err);
	return rc;
}

static int open_files(struct run *run, struct error *err)
{
	int rc = run->options->dry_run ? plan_files(run, err) : prepare_files(run, err);

	if (rc < 0)
		return rc;
	disks_configure(&run->disks, &run->plan);
	firmware_configure(&run->firmware, &run->plan);
	return 0;
}

static int start_shares(struct run *run, struct error *err)
{
	int fds[SHARES_MAX];
	const int ret = shares_start(&run->definition, run->instance.directory, &run->companions,
				     fds, err);

	for (int i = 0; i < SHARES_MAX; i++)
		if (fds[i] >= 0)
			channels_give(&run->channels, fds[i], QEMU_FD_SHARE + i);
	return ret;
}

/* The programs beside QEMU. */
static int start_companions(struct run *run, struct error *err)
{
	int fd;
	int rc;

	if (run->options->dry_run)
		return 0;
	rc = start_shares(run, err);
	if (rc < 0 || !run->definition.machine.tpm)
		return rc;
	rc = tpm_start(&run->definition, run->keep.directory, &run->companions, &fd, err);
	if (rc == 0)
		channels_give(&run->channels, fd, QEMU_FD_TPM);
	return rc;
}

static int choose_login(struct run *run, struct error *err)
{
	const struct definition *definition = &run->definition;
	const bool dry_run = run->options->dry_run;

	/* The guest's host key was thrown away with all else. */
	if (!dry_run && definition->disk_count && definition->disks[0].mode == DISK_SNAPSHOT)
		secureshell_forget(definition->name, &(struct sweep){ 0 });
	return identity_take(&run->plan, dry_run, err);
}

static int load(struct run *run, struct error *err)
{
	const int ret = given_load(run->options, run->options->files[0], &run->definition, err);

	if (ret)
		return ret;
	machine_plan_init(&run->plan, &run->definition);
	/* Nobody sits at a detached run's standard input. */
	if (run->options->detach && run->plan.console == CONSOLE_STDIO)
		run->plan.console = CONSOLE_SOCKET;
	return 0;
}

/* From the definition to the command: what a dry run does, too. */
static int prepare(struct run *run, struct error *err)
{
	const bool dry_run = run->options->dry_run;
	int rc;

	rc = load(run, err);
	if (rc == 0)
		rc = resolve_host(run, err);
	if (rc == 0 && !dry_run) {
		sweep_user(&(struct sweep){ 0 });
		rc = instance_take(run->definition.name, &run->instance, err);
	}
	/* A download may take long: no address is asked for before it. */
	if (rc == 0)
		rc = cache_locate(&run->plan, NULL, err);
	if (rc == 0 && !dry_run)
		rc = cache_fetch(&run->plan, run->options->quiet, err);
	if (rc == 0 && !dry_run)
		rc = ports_check(&run->definition, err);
	if (rc == 0 && !dry_run)
		rc = usb_check(&run->definition, "/sys/bus/usb/devices", "/dev/bus/usb", err);
	if (rc == 0)
		rc = open_vsock(run, err);
	if (rc == 0)
		rc = ask_for_lan(run, err);
	if (rc < 0)
		return rc;
	run->plan.runtime_directory = run->instance.directory;

	rc = open_files(run, err);
	if (rc < 0)
		return rc;
	rc = choose_login(run, err);
	if (rc < 0)
		return rc;

	if (run->definition.network.type == NETWORK_LAN)
		rc = join_lan(run, err);
	if (rc == 0)
		rc = make_seed(run, err);
	if (rc == 0)
		rc = make_credentials(run, err);
	if (rc == 0)
		rc = start_companions(run, err);
	if (rc == 0)
		rc = qemu_build(&run->plan, &run->argv, err);
	return rc;
}

static int show_command(const struct run *run, struct error *err)
{
	cleanup_free char *line = argv_quoted(&run->argv);

	if (!line)
		return error_set(err, ENOMEM, "cannot show the command");
	log_change(line, true);
	return 0;
}

int run_vm(const struct options *options, struct launch *launch, struct error *err)
{
	struct terminal terminal;
	struct loop *loop;
	struct run run;
	int status;

	run_init(&run, options, launch);
	terminal_save(&terminal);
	loop = loop_new(err);
	status = loop ? STATUS_OK : (int)err->status;
	if (status == STATUS_OK && prepare(&run, err) < 0)
		status = (int)err->status;
	if (status == STATUS_OK && options->dry_run)
		status = show_command(&run, err) < 0 ? (int)err->status : STATUS_OK;
	else if (status == STATUS_OK &&
		 channels_open(&run.channels, &run.plan, run.instance.directory, options->detach,
			       loop, err) < 0)
		status = (int)err->status;
	else if (status == STATUS_OK)
		status = run_serve(&run, loop, err);
	terminal_restore(&terminal);
	run_end(&run);
	loop_free(loop);
	return status;
}
