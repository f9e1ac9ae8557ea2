// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the user's running VMs and sends requests to their control sockets.
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

/**
 * vm_list_ask() - send a request to a VM's control socket and wait for the reply.
 * @name: the VM's.
 * @request: see vmrun(1); stays the caller's.
 * @socket: the connection, which ends with the VM; NULL to close it.
 * @reply: to be released with json_object_put(); NULL after an error.
 * @err: -ESRCH when the VM is not running.
 *
 * Return: 0 or a negative errno.
 */
int vm_list_ask(const char *name, struct json_object *request, int *socket,
		struct json_object **reply, struct error *err);

/**
 * vm_list_connect_agent() - connect to a guest's agent.
 * @name: the VM's.
 * @status: the VM's.
 *
 * Return: a descriptor, or -1 when no agent listens.
 */
int vm_list_connect_agent(const char *name, struct json_object *status);

/* running_not() - fill the error of a VM that is not running; returns -ESRCH. */
int running_not(const char *name, struct error *err);

#endif
