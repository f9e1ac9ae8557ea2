// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the guest's user, password, SSH keys, credentials, packages and commands.
#ifndef LAUNCHER_DEFINITION_TYPE_CLOUD_INIT_H
#define LAUNCHER_DEFINITION_TYPE_CLOUD_INIT_H

#include "launcher/yaml/schema.h"

/* The target of each type. */
extern const struct type type_cloud_init;          /* struct cloud_init; constraint struct keys */
extern const struct type type_cloud_init_user;     /* char *, NULL for auto */
extern const struct type type_cloud_init_password; /* char *; constraint struct limits */
extern const struct type type_cloud_init_ssh_keys; /* struct cloud_init; constraint struct list */
extern const struct type type_cloud_init_package;  /* char * */
extern const struct type
	type_cloud_init_command; /* struct guest_command; constraint struct list of args */
extern const struct type type_cloud_init_credential_name; /* char * */

#endif
