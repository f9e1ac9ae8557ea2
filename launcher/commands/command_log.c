// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the log of a VM.
#include "launcher/commands/command_log.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "launcher/commands/vm_list.h"
#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/common/terminal.h"
#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"

int command_log(const struct options *options, struct launch *launch, struct error *err)
{
	cleanup_free char *directory = NULL;
	cleanup_free char *path = NULL;
	cleanup_file FILE *file = NULL;
	const bool mute = isatty(STDOUT_FILENO);
	cleanup_free char *line = NULL;
	size_t capacity = 0;
	ssize_t size;

	if (!vm_name_valid(options->files[0]))
		return vm_list_not_running(options->files[0], err), STATUS_USAGE;
	if (xdg_dir(XDG_STATE, options->files[0], &directory, err) < 0)
		return err->status;
	path = text_format("%s/log", directory);
	if (!path) {
		error_set_errno(err, ENOMEM, "cannot read the log");
		return err->status;
	}
	file = fopen(path, "re");
	if (!file && errno == ENOENT) {
		error_setf(err, STATUS_FAILURE, ENOENT, "VM '%s' has no log", options->files[0]);
		error_remedy(err, "to have one, start it with --detach or 'console: socket'");
		return err->status;
	}
	if (!file)
		return error_set_errno(err, errno, "cannot open '%s'", path), err->status;
	while ((size = getline(&line, &capacity, file)) > 0)
		log_bytes(line, mute ? terminal_mute(line, (size_t)size) : (size_t)size);
	return STATUS_OK;
}
