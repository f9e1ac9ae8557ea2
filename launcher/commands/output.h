// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the statuses of VMs as tables, as lines or as JSON.
#ifndef LAUNCHER_COMMANDS_OUTPUT_H
#define LAUNCHER_COMMANDS_OUTPUT_H

#include <json-c/json.h>

/* output_json() - print an object as JSON. */
void output_json(struct json_object *object);

/* output_list() - print an array of statuses as a table. */
void output_list(struct json_object *list);

/* output_status() - print one status, a line for each member that is not null. */
void output_status(struct json_object *status);

/* output_text() - return a member as text that @object owns; "-" if it is absent or null. */
const char *output_text(struct json_object *object, const char *key);

#endif
