// SPDX-License-Identifier: GPL-2.0-or-later
// The texts that a NoCloud seed consists of, all but the user's own.
#ifndef LAUNCHER_GUEST_NOCLOUD_FILES_H
#define LAUNCHER_GUEST_NOCLOUD_FILES_H

#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/*
 * Each makes one file as text, allocated; the caller frees it. All are made by json-c, and JSON is
 * YAML: no value can end its string or begin a key of its own.
 */

/**
 * seed_meta_data() - instance-id, stable for as long as the VM's uuid is, and the host name.
 * Return: 0 or -ENOMEM.
 */
int seed_meta_data(const struct definition *definition, char **text, struct error *err);

/**
 * seed_vendor_data() - the shortcuts: the user, who may sudo, the SSH keys (without a user those are
 * for the image's own), packages and commands. Lists come after those of user-data; what else
 * user-data says about the same keys wins.
 * Return: 0, or the error of ssh_key_read(), or -ENOMEM.
 */
int seed_vendor_data(const struct machine_plan *plan, char **text, struct error *err);

/**
 * seed_network_config() - the guest's place on the LAN, its card matched by MAC.
 *
 * Version 2 of the format, netplan's, which every renderer of cloud-init takes. A default route among
 * the routes and not `gateway4`, which is deprecated.
 * @plan: with @lan.
 * Return: 0 or -ENOMEM.
 */
int seed_network_config(const struct machine_plan *plan, char **text, struct error *err);

#endif
