// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the statuses of VMs as tables, as lines or as JSON.
#ifndef LAUNCHER_COMMANDS_OUTPUT_H
#define LAUNCHER_COMMANDS_OUTPUT_H

#include <json-c/json.h>

/* describe_json() - to standard output, as it is. */
void describe_json(struct json_object *object);

/* describe_list() - a table of statuses, a row for each. */
void describe_list(struct json_object *list);

/* describe_status() - one status, a line for each member that is known. */
void describe_status(struct json_object *status);

/* describe_text() - a member as text; "-" when it is not there or null. */
const char *describe_text(struct json_object *object, const char *key);

#endif
