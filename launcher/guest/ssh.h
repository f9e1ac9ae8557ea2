// SPDX-License-Identifier: GPL-2.0-or-later
// ssh(1) into a guest, with a host key that is remembered for the VM and not for its address.
#ifndef LAUNCHER_GUEST_SSH_H
#define LAUNCHER_GUEST_SSH_H

#include <json-c/json.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "launcher/common/remove.h"
#include "netsetup/base/error.h"

/**
 * secureshell_exec() - become ssh(1).
 * @name: the VM's.
 * @ssh: where its server is.
 * @status: the VM's status; its member "user" is the login name, "ssh-key" the private key; each may
 *          be missing or null.
 * @args, @arg_count: passed to ssh after the destination.
 * @err: the error.
 *
 * The host key is kept in the VM's own known_hosts, under the VM's name: another address of the
 * same guest is the same host, and another guest at the same address is not.
 *
 * Return: a negative errno; it does not return when it succeeds.
 */
int secureshell_exec(const char *name, const struct sockaddr_in *ssh, struct json_object *status,
		     char *const *args, unsigned int arg_count, struct error *err);

/* secureshell_names_user() - whether arguments for ssh(1) say whom to log in as (-l, -o User). */
bool secureshell_names_user(char *const *args, unsigned int count);

/**
 * secureshell_forget() - forget the guest's host key, for it gets another one.
 * @name: the VM's.
 * @sweep: how; told the file.
 */
void secureshell_forget(const char *name, const struct sweep *sweep);

#endif
