// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the user's running VMs and sends requests to their control sockets.
#ifndef LAUNCHER_RUN_VM_LIST_H
#define LAUNCHER_RUN_VM_LIST_H

#include <json-c/json.h>

#include "netsetup/base/error.h"

/**
 * vm_list_directory() - return the runtime directory of a VM, which may not exist.
 * @directory: the path, allocated; the caller frees it.
 *
 * Return: 0, -EINVAL if @name is not valid, or another negative errno.
 */
int vm_list_directory(const char *name, char **directory, struct error *err);

/**
 * vm_list_status() - query the status of one VM.
 * @status: its reply; the caller calls json_object_put().
 *
 * Return: 0, -ESRCH if the VM is not running, or another negative errno.
 */
int vm_list_status(const char *name, struct json_object **status, struct error *err);

/**
 * vm_list_all() - query the statuses of all VMs.
 * @list: a JSON array of their replies, in the order of their names; the caller calls
 *        json_object_put(). VMs that have ended or do not reply are left out.
 *
 * Return: 0 or a negative errno.
 */
int vm_list_all(struct json_object **list, struct error *err);

/**
 * vm_list_ask() - send a request to a VM's control socket and wait for the reply.
 * @request: see vmrun(1); stays the caller's.
 * @socket: the connection, which ends with the VM; NULL to close it.
 * @reply: the caller calls json_object_put(); NULL after an error.
 *
 * Return: 0, -ESRCH if the VM is not running, or another negative errno.
 */
int vm_list_ask(const char *name, struct json_object *request, int *socket,
		struct json_object **reply, struct error *err);

/**
 * vm_list_connect_agent() - connect to the guest agent of a VM.
 * @status: of vm_list_status().
 *
 * Return: a descriptor, or -1 if no agent is connected.
 */
int vm_list_connect_agent(const char *name, struct json_object *status);

/**
 * vm_list_open_process() - open the run of a VM.
 *
 * Return: a descriptor that is readable once the run has ended (pidfd_open(2)), or -1 if the VM is
 *         not running.
 */
int vm_list_open_process(const char *name);

/* vm_list_not_running() - fill the error of a VM that is not running; returns -ESRCH. */
int vm_list_not_running(const char *name, struct error *err);

#endif
