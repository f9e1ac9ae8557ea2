// SPDX-License-Identifier: GPL-2.0-or-later
// System credentials: what systemd in the guest reads from the machine's tables, without cloud-init.
#ifndef LAUNCHER_GUEST_CREDENTIAL_H
#define LAUNCHER_GUEST_CREDENTIAL_H

#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/* The user's own, and those that tell who and where the guest is. */
#define CREDENTIALS_ALL (CREDENTIALS_MAX + 3)

/* The most bytes that one may have. */
#define CREDENTIAL_SIZE_MAX 32768

/**
 * credential_told() - whether credentials tell the guest who and where it is: its host name, the SSH
 * keys of its root, its address (network.configure).
 */
bool credential_told(const struct definition *definition);

/* credential_count() - how many the guest gets; a name of the user's own is not told twice. */
unsigned int credential_count(const struct definition *definition);

/**
 * credential_open() - one of them, as the string of SMBIOS type 11 that systemd takes for it
 * (systemd.system-credentials(7)).
 * @plan: the VM, and its place on the LAN.
 * @index: which, from 0.
 * @size: of the string.
 * @err: names the file that cannot be used.
 *
 * Return: a descriptor of a file in memory, which nobody can change, or a negative errno.
 */
int credential_open(const struct machine_plan *plan, unsigned int index, size_t *size,
		    struct error *err);

#endif
