// SPDX-License-Identifier: GPL-2.0-or-later
// The user's running VMs: found by their runtime directories, asked by their control sockets.
#ifndef LAUNCHER_COMMANDS_VM_LIST_H
#define LAUNCHER_COMMANDS_VM_LIST_H

#include <json-c/json.h>

#include "netsetup/base/error.h"

/**
 * running_directory() - the runtime directory of a VM that may be running.
 * @name: the VM's; a name that no VM can have is an error.
 * @directory: the path, allocated; the caller frees it.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int running_directory(const char *name, char **directory, struct error *err);

/**
 * running_status() - ask one VM what it is like.
 * @name: the VM's.
 * @status: its answer, to be released with json_object_put().
 * @err: -ESRCH when it is not running.
 *
 * Return: 0 or a negative errno.
 */
int running_status(const char *name, struct json_object **status, struct error *err);

/**
 * running_list() - ask all.
 * @list: a JSON array of their answers, by name; to be released with json_object_put().
 * @err: the error.
 *
 * A VM that has ended meanwhile is left out, and so is one that does not answer.
 *
 * Return: 0 or a negative errno.
 */
int running_list(struct json_object **list, struct error *err);

/* running_not() - fill the error of a VM that is not running; returns -ESRCH. */
int running_not(const char *name, struct error *err);

#endif
