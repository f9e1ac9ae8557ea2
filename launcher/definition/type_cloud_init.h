// SPDX-License-Identifier: GPL-2.0-or-later
// Reads what the guest is given: its user, credentials, packages and commands.
#ifndef LAUNCHER_DEFINITION_TYPE_CLOUD_INIT_H
#define LAUNCHER_DEFINITION_TYPE_CLOUD_INIT_H

#include "launcher/yaml/schema.h"

/* Each type's target. */
extern const struct type type_cloud_init; /* struct cloud_init; detail struct keys */
extern const struct type type_user;       /* char *, NULL for auto */
extern const struct type type_ssh_keys;   /* struct cloud_init; detail struct list */
extern const struct type type_package;    /* char * */
extern const struct type type_command;    /* struct guest_command; detail struct list of args */
extern const struct type type_credential_name; /* char * */

#endif
