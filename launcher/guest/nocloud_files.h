// SPDX-License-Identifier: GPL-2.0-or-later
// Makes the texts of a NoCloud seed, except the user's user-data.
#ifndef LAUNCHER_GUEST_NOCLOUD_FILES_H
#define LAUNCHER_GUEST_NOCLOUD_FILES_H

#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/*
 * Each function makes the text of one file, which the caller frees. Threat: a value of the
 * definition adds a key. json-c writes the texts as JSON, which is valid YAML, so a value cannot
 * end its string (test: test_nocloud.c).
 */

/**
 * nocloud_files_meta_data() - instance-id, which is the VM's uuid, and the host name.
 * Return: 0 or -ENOMEM.
 */
int nocloud_files_meta_data(const struct definition *definition, char **text, struct error *err);

/**
 * nocloud_files_vendor_data() - the user with sudo, the SSH keys, packages and commands. Without
 * a user, the keys are for the image's default user. cloud-init appends these lists to those of
 * user-data; for all other values of the same keys user-data takes precedence.
 * With 'vendor-data' in the definition, it is a MIME archive of that file and this text.
 * @user_data, @size: the user-data with a NUL after it; NULL if there is none.
 * Return: 0, or the error of ssh_key_read() or file_read(), or -ENOMEM.
 */
int nocloud_files_vendor_data(const struct machine_plan *plan, const char *user_data, size_t size,
			      char **text, struct error *err);

/**
 * nocloud_files_network_config() - the configuration of each network, with its card's MAC.
 *
 * The format is version 2, netplan's, which every renderer of cloud-init supports. The default
 * route is in `routes`, since `gateway4` is deprecated.
 * @plan: each card on the LAN must have its place.
 * Return: 0 or -ENOMEM.
 */
int nocloud_files_network_config(const struct machine_plan *plan, char **text, struct error *err);

#endif
