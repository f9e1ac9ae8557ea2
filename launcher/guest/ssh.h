// SPDX-License-Identifier: GPL-2.0-or-later
// Runs ssh(1) to a guest, with host keys stored per VM instead of per address.
#ifndef LAUNCHER_GUEST_SSH_H
#define LAUNCHER_GUEST_SSH_H

#include <json-c/json.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "launcher/common/remove.h"
#include "netsetup/base/error.h"

/**
 * ssh_exec() - replace this process by ssh(1).
 * @name: the VM's.
 * @ssh: address and port of the guest's server.
 * @status: the VM's status. Its members "user" (login name) and "ssh-key" (private key) may each
 *          be missing or null.
 * @args, @arg_count: passed to ssh after the destination.
 *
 * The VM's own known_hosts stores the host key under the VM's name: the same guest at another
 * address is the same host, and another guest at the same address is a different host.
 *
 * Return: a negative errno; does not return after success.
 */
int ssh_exec(const char *name, const struct sockaddr_in *ssh, struct json_object *status,
	     char *const *args, unsigned int arg_count, struct error *err);

/* ssh_names_user() - true if arguments for ssh(1) have a login name (-l, -o User). */
bool ssh_names_user(char *const *args, unsigned int count);

/**
 * ssh_forget() - remove the guest's stored host key, since a new guest makes another one.
 * @name: the VM's.
 */
void ssh_forget(const char *name, const struct removal *removal);

#endif
