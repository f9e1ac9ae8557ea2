// SPDX-License-Identifier: GPL-2.0-or-later
// A program beside QEMU that serves it one thing: a TPM, a shared directory.
#ifndef LAUNCHER_DEVICES_BACKEND_H
#define LAUNCHER_DEVICES_BACKEND_H

#include <stddef.h>

#include "launcher/common/argv.h"
#include "launcher/common/loop.h"
#include "launcher/common/process.h"
#include "netsetup/base/error.h"

/* How many a VM can have. */
#define BACKENDS_MAX 20

struct backend;

/**
 * struct backends - those of one VM, in the order of their start. All zero when there are none.
 */
struct backends {
	struct backend *items[BACKENDS_MAX];
	size_t count;
};

/**
 * struct backend_config - what one is started with.
 * @name: for messages: the program's, and what it serves if there may be several.
 * @arguments: of the command, argv[0] among them: a path, as backend_find() gives it.
 * @fds, @fd_count: its descriptors besides 0, 1 and 2: its end of a socket pair of which QEMU has
 *                  the other, or a socket on which it listens and to which QEMU's is connected.
 */
struct backend_config {
	const char *name;
	const struct argv *arguments;
	const struct process_fd *fds;
	size_t fd_count;
};

/**
 * struct backend_ops - what the VM's owner is told.
 * @said: a line of its standard output or error, safe to show.
 * @lost: it has ended, and QEMU has not: @how is "was killed by signal 9 (Killed)". Whether the
 *        guest can live without it is the owner's to know.
 */
struct backend_ops {
	void (*said)(const char *name, const char *line, void *context);
	void (*lost)(const char *name, const char *how, void *context);
};

/**
 * backend_find() - where a program is.
 * @program: its name.
 * @places: directories where it may be besides those of PATH, NULL-terminated, or NULL.
 * @package: Debian's, for the remedy.
 * @path: its path, allocated; the caller frees it.
 * @err: with -ENOENT tells the package.
 *
 * Return: 0 or a negative errno.
 */
int backend_find(const char *program, const char *const *places, const char *package, char **path,
		 struct error *err);

/**
 * backend_start() - start one; before QEMU.
 *
 * It has the descriptors that are given to it and no others, an environment of a PATH and the
 * locale C alone, and a session of its own. SIGTERM and SIGHUP are blocked, as they are for QEMU:
 * it must not go before the guest has powered off. SIGINT is the signal for the death of vmrun.
 * @backends: to which it is added; all are ended by backend_end().
 * @config: see there.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int backend_start(struct backends *backends, const struct backend_config *config,
		  struct error *err);

/**
 * backend_watch() - hear what they say and whether they end, while the loop runs.
 * @backends: may be empty.
 * @loop: must live until backend_end().
 * @ops, @context: who is told; must live as long.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int backend_watch(struct backends *backends, struct loop *loop, const struct backend_ops *ops,
		  void *context, struct error *err);

/**
 * backend_end() - end them all, once QEMU is gone; legal for none.
 *
 * Each ends by itself when QEMU's end of its socket is closed, and keeps its state so; who does
 * not within a second is told to by SIGINT, and killed another second later. Of one that failed,
 * what it said last and its end are told.
 */
void backend_end(struct backends *backends);

#endif
