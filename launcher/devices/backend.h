// SPDX-License-Identifier: GPL-2.0-or-later
// Runs backends: programs that serve QEMU a TPM or a shared directory.
#ifndef LAUNCHER_DEVICES_BACKEND_H
#define LAUNCHER_DEVICES_BACKEND_H

#include <stddef.h>

#include "launcher/common/argv.h"
#include "launcher/common/loop.h"
#include "launcher/common/process.h"
#include "netsetup/base/error.h"

/* The most backends of a VM. */
#define BACKENDS_MAX 20

struct backend;

/**
 * struct backends - the backends of one VM, in the order of their start; all zero for none.
 */
struct backends {
	struct backend *items[BACKENDS_MAX];
	size_t count;
};

/**
 * struct backend_config - command and descriptors of one backend.
 * @name: for messages: the program's name, with what it serves if a VM may have several.
 * @arguments: the command; argv[0] is a path from backend_find().
 * @fds, @fd_count: its descriptors besides 0, 1 and 2: one end of a socket pair with QEMU, or a
 *                  listening socket to which QEMU's socket is connected.
 * @confinement: its limits.
 */
struct backend_config {
	const char *name;
	const struct argv *arguments;
	const struct process_fd *fds;
	size_t fd_count;
	const struct confinement *confinement;
};

/**
 * struct backend_ops - callbacks to the VM's owner.
 * @said: called for a line of a backend's standard output or error, safe to show.
 * @lost: called if a backend has ended before QEMU; @how is "was killed by signal 9 (Killed)". The
 *        owner decides if the guest can continue.
 */
struct backend_ops {
	void (*said)(const char *name, const char *line, void *context);
	void (*lost)(const char *name, const char *how, void *context);
};

/**
 * backend_find() - find a program.
 * @program: its name, without '/'.
 * @directories: searched after those of PATH; NULL-terminated, or NULL.
 * @package: the Debian package, for the remedy.
 * @path: the program's path; the caller frees it.
 * @err: names the package for -ENOENT.
 *
 * Return: 0 or a negative errno.
 */
int backend_find(const char *program, const char *const *directories, const char *package,
		 char **path, struct error *err);

/**
 * backend_start() - start a backend; must be called before QEMU starts.
 *
 * A backend gets only the descriptors of @config, an environment of PATH and the locale C, and a
 * session of its own. SIGTERM and SIGHUP are blocked, as for QEMU: it must not end before the
 * guest has powered off. The kernel sends it SIGINT when vmrun dies.
 * @backends: the backend is added; the caller ends all with backend_end().
 *
 * Return: 0 or a negative errno.
 */
int backend_start(struct backends *backends, const struct backend_config *config,
		  struct error *err);

/**
 * backend_watch() - watch output and end of all backends while the loop runs.
 * @backends: may be empty.
 * @loop, @ops, @context: must live until backend_end().
 *
 * Return: 0 or a negative errno.
 */
int backend_watch(struct backends *backends, struct loop *loop, const struct backend_ops *ops,
		  void *context, struct error *err);

/**
 * backend_end() - end all backends after QEMU's end; @backends may be empty.
 *
 * A backend saves its state and ends when QEMU's end of its socket is closed. After one second it
 * gets SIGINT, after another SIGKILL. For a backend that failed, the callbacks get its last output
 * and the way it ended.
 */
void backend_end(struct backends *backends);

#endif
