// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the statuses of VMs as tables, as lines or as JSON.
#ifndef LAUNCHER_COMMANDS_OUTPUT_H
#define LAUNCHER_COMMANDS_OUTPUT_H

#include <json-c/json.h>

/* output_json() - to standard output, as it is. */
void output_json(struct json_object *object);

/* output_list() - a table of statuses, a row for each. */
void output_list(struct json_object *list);

/* output_status() - one status, a line for each member that is known. */
void output_status(struct json_object *status);

/* output_text() - a member as text; "-" when it is not there or null. */
const char *output_text(struct json_object *object, const char *key);

#endif
