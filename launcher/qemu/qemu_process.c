// SPDX-License-Identifier: GPL-2.0-or-later
// Starts QEMU as a child, with its signals, descriptors and terminal.
#include "launcher/qemu/qemu_process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

/* The Debian package of each QEMU binary. */
static const struct {
	const char *binary;
	const char *package;
} packages[] = {
	{ "qemu-system-x86_64", "qemu-system-x86" },   { "qemu-system-i386", "qemu-system-x86" },
	{ "qemu-system-aarch64", "qemu-system-arm" },  { "qemu-system-arm", "qemu-system-arm" },
	{ "qemu-system-riscv64", "qemu-system-misc" },
};

static void add_package(const char *binary, struct error *err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(packages); i++)
		if (strcmp(packages[i].binary, binary) == 0)
			error_remedy(err, "if it is not installed: sudo apt-get install %s",
				     packages[i].package);
}

int qemu_process_start(const struct qemu_process_config *config, struct process *qemu,
		       struct error *err)
{
	struct process_fd fds[PROCESS_FDS_MAX];
	struct process_config child = {
		.argv = config->argv->items,
		.fds = fds,
		.fd_count = config->fd_count,
		.directory = config->directory,
		.confinement = config->confinement,
		.new_session = !config->stdio || !isatty(STDIN_FILENO),
		.death_signal = SIGINT,
	};
	cleanup_fd int null_fd = -1;
	int ret;

	assert(config->fd_count < PROCESS_FDS_MAX);

	sigemptyset(&child.blocked);
	sigaddset(&child.blocked, SIGTERM);
	sigaddset(&child.blocked, SIGHUP);
	if (config->fd_count)
		memcpy(fds, config->fds, config->fd_count * sizeof(fds[0]));
	if (!config->stdio) {
		null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (null_fd < 0)
			return error_set_errno(err, errno, "cannot open '/dev/null'");
		fds[child.fd_count++] = (struct process_fd){ null_fd, STDIN_FILENO };
	}
	ret = process_start(&child, qemu, err);
	/* The error is also EACCES if PATH has a directory that this user may not search. */
	if (ret == -ENOENT || ret == -EACCES)
		add_package(config->argv->items[0], err);
	return ret;
}
