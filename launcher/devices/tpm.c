// SPDX-License-Identifier: GPL-2.0-or-later
// Runs swtpm(8) as a VM's TPM 2.0 and manages its state.
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

/* swtpm's descriptor of the connection. */
#define SWTPM_FD 3

/* Directories below the VM's; swtpm chooses the names of its files there. */
#define PERMANENT "tpm"
#define TEMPORARY "tpm.tmp"

static int state_directory(const struct definition *definition, const char *directory, char **path,
			   struct error *err)
{
	cleanup_free char *made = NULL;
	int ret;

	made = text_format("%s/%s", directory,
			   machine_keeps_state(definition) ? PERMANENT : TEMPORARY);
	if (!made)
		return error_set_errno(err, ENOMEM, "cannot make a TPM");
	/* A comma separates swtpm's options, and swtpm has no escape for it. */
	if (strchr(made, ','))
		return error_setf(
			err, STATUS_FAILURE, EINVAL,
			"cannot keep a TPM's state in '%s': swtpm allows no ',' in its path", made);
	ret = xdg_make(made, err);
	if (!ret)
		*path = take_ptr(&made);
	return ret;
}

/* Threat: the guest takes swtpm over. Check: it has its state, its descriptors, and no others. */
static int confine(const char *program, const char *state, struct confinement *confinement,
		   struct error *err)
{
	struct confinement made;
	int ret = confinement_new(&(struct confinement_needs){ 0 }, &made, err);

	if (ret)
		return ret;
	ret = ruleset_allow_path(&made.ruleset, program, RULESET_READ | RULESET_EXECUTE, err);
	if (!ret)
		ret = ruleset_allow_path(&made.ruleset, state, RULESET_CHANGE, err);
	if (ret)
		confinement_done(&made);
	else
		*confinement = made;
	return ret;
}

/* With --terminate swtpm ends when QEMU closes its end. */
static int start(const char *program, const char *state, int link, struct backends *backends,
		 struct error *err)
{
	struct argv argv = { 0 };
	const struct process_fd fds[] = { { link, SWTPM_FD } };
	struct confinement confinement;
	const struct backend_config config = { PROGRAM, &argv, fds, ARRAY_SIZE(fds), &confinement };
	int ret = confine(program, state, &confinement, err);

	if (ret)
		return ret;
	argv_add(&argv, program, "socket", "--tpm2", "--terminate", "--ctrl", NULL);
	argv_addf(&argv, "type=unixio,clientfd=%d", SWTPM_FD);
	argv_add(&argv, "--tpmstate", NULL);
	argv_addf(&argv, "dir=%s,mode=0600", state);
	ret = backend_start(backends, &config, err);
	confinement_done(&confinement);
	argv_done(&argv);
	return ret;
}

int tpm_start(const struct definition *definition, const char *directory, struct backends *backends,
	      int *fd, struct error *err)
{
	cleanup_free char *program = NULL;
	cleanup_free char *state = NULL;
	cleanup_fd int ours = -1;
	cleanup_fd int theirs = -1;
	int ends[2];
	int ret;

	ret = backend_find(PROGRAM, NULL, "swtpm", &program, err);
	if (!ret)
		ret = state_directory(definition, directory, &state, err);
	if (ret)
		return ret;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set_errno(err, errno, "cannot make a socket for the TPM");
	ours = ends[0];
	theirs = ends[1];
	ret = start(program, state, theirs, backends, err);
	if (!ret)
		*fd = take_fd(&ours);
	return ret;
}

static void remove_state(const char *directory, const char *name, const struct removal *removal)
{
	cleanup_free char *path = NULL;

	path = text_format("%s/%s", directory, name);
	if (!path)
		return;
	remove_matching(removal, path, NULL, NULL);
	if (!removal->dry_run)
		rmdir(path);
}

void tpm_reset(const char *directory, const struct removal *removal)
{
	remove_state(directory, PERMANENT, removal);
}

void tpm_remove_stale(const char *directory, const struct removal *removal)
{
	remove_state(directory, TEMPORARY, removal);
}
