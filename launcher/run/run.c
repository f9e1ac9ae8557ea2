// SPDX-License-Identifier: GPL-2.0-or-later
// Implements the command run: boot a VM and wait for its end.
#include "launcher/run/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/common/signals.h"
#include "launcher/common/terminal.h"
#include "launcher/common/xdg.h"
#include "launcher/definition/machine.h"
#include "launcher/devices/port_forward.h"
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
 * Theory of operation: struct run holds everything that one run has taken. The steps take it in
 * order; run_end() releases all of it in reverse, whichever step failed. main() connects to
 * vmrun-netsetup while vmrun may still have root's rights, and drops these before it calls
 * run_vm(). No file of the user's is opened before that.
 */

static void run_init(struct run *run, const struct options *options, struct launch *launch)
{
	memset(run, 0, sizeof(*run));
	run->options = options;
	lan_cards_init(&run->lan_cards, options->dry_run, options->verbose, &launch->connection);
	run->runtime_dir = (struct runtime_dir){ .lock = -1 };
	run->state_dir = (struct state_dir)STATE_DIR_NONE;
	run->qemu_fds = (struct qemu_fds)QEMU_FDS_NONE;
	run->detach = launch->detach;
	run->terminal = run->detach.terminal || isatty(STDERR_FILENO);
	run->sd_notify = (struct sd_notify)SD_NOTIFY_NONE;
}

static void run_end(struct run *run)
{
	qemu_fds_close(&run->qemu_fds);
	lan_cards_end(&run->lan_cards);
	backend_end(&run->backends);
	qemu_fds_done(&run->qemu_fds);
	argv_done(&run->argv);
	uefi_vars_done(&run->firmware);
	disks_done(&run->disks);
	state_dir_end(&run->state_dir);
	runtime_dir_end(&run->runtime_dir);
	machine_plan_done(&run->plan);
	definition_done(&run->definition);
	/* This ends the wait of stop requests: the host is restored, the VM can start again. */
	control_close(run->control);
	sd_notify_close(&run->sd_notify);
}

/* vhost-net serves a tap's queues in the kernel; it is used if the user may open it. */
static void open_vhost(struct run *run, unsigned int card, const struct network *network)
{
	const unsigned int queues = machine_queues(&run->definition, network, true);
	struct machine_card *values = &run->plan.cards[card];

	values->vhost = machine_virtio(network->model) && run->plan.accel == ACCEL_KVM &&
			qemu_fds_add_vhost(&run->qemu_fds, card, queues);
	if (values->vhost)
		values->queues = queues;
}

static int resolve_host(struct run *run, struct error *err)
{
	const struct definition *definition = &run->definition;
	const struct network *network;
	int ret;

	ret = accel_resolve(definition->machine.accel, definition->qemu.binary, "",
			    &run->plan.accel, err);
	if (ret < 0 || run->options->dry_run)
		return ret;
	for (unsigned int card = 0; (network = definition_lan(definition, card, NULL)); card++)
		open_vhost(run, card, network);
	return 0;
}

/* The service probes for address conflicts while the disks are prepared. */
static int request_lan(struct run *run, struct error *err)
{
	return lan_cards_ask(&run->lan_cards, &run->plan, err);
}

static int join_lan(struct run *run, struct error *err)
{
	return lan_cards_join(&run->lan_cards, &run->plan, &run->qemu_fds, err);
}

/* Opens the vsock; with VSOCK_AUTO a host without one gets a notice and is no error. */
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
		qemu_fds_add(&run->qemu_fds, fd, QEMU_FD_VSOCK);
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
		qemu_fds_add(&run->qemu_fds, fd, (int)(QEMU_FD_CREDENTIAL + i));
		total += size;
		if (total > CREDENTIALS_SIZE_MAX)
			return error_setf(err, STATUS_DEFINITION, EFBIG,
					  "cannot pass the credentials: they are more than %u KiB",
					  CREDENTIALS_SIZE_MAX / 1024);
	}
	return 0;
}

static int make_seed(struct run *run, struct error *err)
{
	int seed;

	if (!nocloud_wanted(&run->definition))
		return 0;
	run->plan.seed = true;
	if (run->options->dry_run)
		return 0;
	seed = nocloud_make(&run->plan, err);
	if (seed < 0)
		return seed;
	qemu_fds_add(&run->qemu_fds, seed, QEMU_FD_SEED);
	return 0;
}

/* Finds the paths that a run's files would have, and makes none. */
static int plan_files(struct run *run, struct error *err)
{
	cleanup_free char *directory = NULL;
	int ret;

	ret = disks_plan(&run->plan, NULL, &run->disks, err);
	if (ret < 0 || !run->definition.machine.firmware.uefi)
		return ret;
	ret = xdg_dir(XDG_DATA, run->definition.name, &directory, err);
	if (ret == 0)
		ret = uefi_vars_plan(&run->definition, directory, false, &run->firmware, err);
	return ret;
}

static int prepare_files(struct run *run, struct error *err)
{
	const struct definition *definition = &run->definition;
	int ret;

	ret = state_dir_take(definition, &run->state_dir, err);
	if (ret == 0)
		ret = disks_prepare(&run->plan, run->state_dir.directory, &run->disks, err);
	if (ret == 0)
		ret = uefi_vars_prepare(definition, run->state_dir.directory, &run->firmware, err);
	return ret;
}

static int open_files(struct run *run, struct error *err)
{
	int ret = run->options->dry_run ? plan_files(run, err) : prepare_files(run, err);

	if (ret < 0)
		return ret;
	disks_configure(&run->disks, &run->plan);
	uefi_vars_configure(&run->firmware, &run->plan);
	return 0;
}

static int start_shares(struct run *run, struct error *err)
{
	int fds[SHARES_MAX];
	const int ret = virtiofs_start(&run->definition, run->runtime_dir.directory, &run->backends,
				       fds, err);

	for (int i = 0; i < SHARES_MAX; i++)
		if (fds[i] >= 0)
			qemu_fds_add(&run->qemu_fds, fds[i], QEMU_FD_SHARE + i);
	return ret;
}

/* Starts the backends: programs beside QEMU. */
static int start_backends(struct run *run, struct error *err)
{
	int fd;
	int ret;

	if (run->options->dry_run)
		return 0;
	ret = start_shares(run, err);
	if (ret < 0 || !run->definition.machine.tpm)
		return ret;
	ret = tpm_start(&run->definition, run->state_dir.directory, &run->backends, &fd, err);
	if (ret == 0)
		qemu_fds_add(&run->qemu_fds, fd, QEMU_FD_TPM);
	return ret;
}

static int choose_login(struct run *run, struct error *err)
{
	const struct definition *definition = &run->definition;
	const bool dry_run = run->options->dry_run;

	/* A snapshot's changes were discarded, and the guest's SSH host key with them. */
	if (!dry_run && definition->disk_count && definition->disks[0].mode == DISK_SNAPSHOT)
		ssh_forget(definition->name, &(struct removal){ 0 });
	return login_choose(&run->plan, dry_run, err);
}

static int load(struct run *run, struct error *err)
{
	const int ret = locked_load(run->options, run->options->files[0], &run->definition, err);

	if (ret)
		return ret;
	machine_plan_init(&run->plan, &run->definition);
	/* A detached run has no standard input. */
	if (run->options->detach && run->plan.console == CONSOLE_STDIO)
		run->plan.console = CONSOLE_SOCKET;
	return 0;
}

static int take_name(struct run *run, struct error *err)
{
	int ret;

	if (run->options->dry_run)
		return 0;
	stale_remove(&(struct removal){ 0 });
	ret = runtime_dir_take(run->definition.name, &run->runtime_dir, err);
	run->plan.runtime_directory = run->runtime_dir.directory;
	return ret;
}

static int find_images(struct run *run, struct error *err)
{
	const int ret = image_cache_locate(&run->plan, NULL, err);

	if (ret < 0)
		return ret;
	return run->options->dry_run
		       ? image_cache_verify(&run->definition, run->options->quiet, err)
		       : image_cache_fetch(&run->plan, run->options->quiet, err);
}

static int check_host(struct run *run, struct error *err)
{
	int ret;

	if (run->options->dry_run)
		return 0;
	ret = port_forward_check(&run->definition, err);
	return ret ? ret : usb_check(&run->definition, "/sys/bus/usb/devices", "/dev/bus/usb", err);
}

static int build_command(struct run *run, struct error *err)
{
	return qemu_build(&run->plan, &run->argv, err);
}

/*
 * All steps from the definition to QEMU's command line; a dry run takes them without effects. A
 * download may take long, so the address is requested after it.
 */
static int (*const steps[])(struct run *run, struct error *err) = {
	load,       resolve_host,     take_name,      find_images,   check_host,
	open_vsock, request_lan,      open_files,     choose_login,  join_lan,
	make_seed,  make_credentials, start_backends, build_command,
};

/* A signal that comes before QEMU runs is a cancel: no guest is there that could power off. */
static int prepare(struct run *run, struct error *err)
{
	int ret = 0;

	for (size_t i = 0; i < ARRAY_SIZE(steps) && ret == 0; i++) {
		ret = steps[i](run, err);
		if (ret == 0)
			ret = signals_check(err);
	}
	return ret;
}

static int print_command(const struct run *run, struct error *err)
{
	cleanup_free char *line = argv_quoted(&run->argv);

	if (!line)
		return error_set_errno(err, ENOMEM, "cannot show the command");
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
		status = print_command(&run, err) < 0 ? (int)err->status : STATUS_OK;
	else if (status == STATUS_OK &&
		 qemu_fds_open(&run.qemu_fds, &run.plan, run.runtime_dir.directory, options->detach,
			       loop, err) < 0)
		status = (int)err->status;
	else if (status == STATUS_OK)
		status = serve_run(&run, loop, err);
	terminal_restore(&terminal);
	run_end(&run);
	loop_free(loop);
	return status;
}
