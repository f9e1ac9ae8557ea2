// SPDX-License-Identifier: GPL-2.0-or-later
// Makes system credentials, which systemd in the guest reads from SMBIOS.
#ifndef LAUNCHER_GUEST_CREDENTIAL_H
#define LAUNCHER_GUEST_CREDENTIAL_H

#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/* The user's credentials and those that vmrun adds. */
#define CREDENTIALS_ALL (CREDENTIALS_MAX + 3)

/**
 * credential_wanted() - true if vmrun adds credentials (network.configure): the host name, root's
 * SSH keys and the address.
 */
bool credential_wanted(const struct definition *definition);

/* credential_count() - return the number of credentials; a user's replaces vmrun's of its name. */
unsigned int credential_count(const struct definition *definition);

/**
 * credential_open() - make a credential's string of SMBIOS type 11
 * (systemd.system-credentials(7)).
 * @plan: the VM; @plan->cards have the addresses.
 * @index: less than credential_count().
 * @size: of the string, in bytes.
 * @err: names the file that cannot be used.
 *
 * Return: a descriptor of a sealed memfd, or a negative errno.
 */
int credential_open(const struct machine_plan *plan, unsigned int index, size_t *size,
		    struct error *err);

#endif
