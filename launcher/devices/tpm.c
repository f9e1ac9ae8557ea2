// SPDX-License-Identifier: GPL-2.0-or-later
// A VM's TPM 2.0: swtpm(8) beside QEMU, and what it keeps.
#include "launcher/devices/tpm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/common/argv.h"
#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "launcher/definition/machine.h"
#include "netsetup/base/cleanup.h"

#define PROGRAM "swtpm"

/* Where its end of the connection is. */
#define SWTPM_FD 3

/* Below the VM's directory: swtpm chooses the names of its files itself. */
#define KEPT      "tpm"
#define FORGOTTEN "tpm.tmp"

static int state_directory(const struct definition *definition, const char *directory, char **path,
			   struct error *err)
{
	cleanup_free char *made = NULL;
	int ret;

	made = text_format("%s/%s", directory, machine_keeps_state(definition) ? KEPT : FORGOTTEN);
	if (!made)
		return error_set(err, ENOMEM, "cannot make a TPM");
	/* swtpm's options are divided by commas, and it knows no way to write one. */
	if (strchr(made, ','))
		return error_say(
			err, STATUS_FAILURE, EINVAL,
			"cannot keep a TPM's state in '%s': swtpm allows no ',' in its path", made);
	ret = xdg_make(made, err);
	if (!ret)
		*path = take_ptr(&made);
	return ret;
}

/* With --terminate it ends by itself when QEMU has gone. */
static int start(const char *program, const char *state, int link, struct companions *companions,
		 struct error *err)
{
	struct argv argv = { 0 };
	const struct process_fd fds[] = { { link, SWTPM_FD } };
	const struct companion_config config = { PROGRAM, &argv, fds, ARRAY_SIZE(fds) };
	int ret;

	argv_add(&argv, program, "socket", "--tpm2", "--terminate", "--ctrl", NULL);
	argv_addf(&argv, "type=unixio,clientfd=%d", SWTPM_FD);
	argv_add(&argv, "--tpmstate", NULL);
	argv_addf(&argv, "dir=%s,mode=0600", state);
	ret = companion_start(companions, &config, err);
	argv_done(&argv);
	return ret;
}

int tpm_start(const struct definition *definition, const char *directory,
	      struct companions *companions, int *fd, struct error *err)
{
	cleanup_free char *program = NULL;
	cleanup_free char *state = NULL;
	cleanup_fd int ours = -1;
	cleanup_fd int theirs = -1;
	int ends[2];
	int ret;

	ret = companion_find(PROGRAM, NULL, "swtpm", &program, err);
	if (!ret)
		ret = state_directory(definition, directory, &state, err);
	if (ret)
		return ret;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, errno, "cannot make a socket for the TPM");
	ours = ends[0];
	theirs = ends[1];
	ret = start(program, state, theirs, companions, err);
	if (!ret)
		*fd = take_fd(&ours);
	return ret;
}

static void remove_state(const char *directory, const char *name, const struct sweep *sweep)
{
	cleanup_free char *path = NULL;

	path = text_format("%s/%s", directory, name);
	if (!path)
		return;
	sweep_files(sweep, path, NULL, NULL);
	if (!sweep->dry_run)
		rmdir(path);
}

void tpm_reset(const char *directory, const struct sweep *sweep)
{
	remove_state(directory, KEPT, sweep);
}

void tpm_sweep(const char *directory, const struct sweep *sweep)
{
	remove_state(directory, FORGOTTEN, sweep);
}
