// SPDX-License-Identifier: GPL-2.0-or-later
// Reads members of untrusted JSON and checks their types.
#ifndef LAUNCHER_COMMON_JSON_H
#define LAUNCHER_COMMON_JSON_H

#include <json-c/json.h>

/**
 * json_member() - return a member if it has the expected type.
 * @object: may be NULL or a value that is not an object.
 *
 * Return: the value, owned by @object; NULL if it is missing or has another type.
 */
struct json_object *json_member(struct json_object *object, const char *name, enum json_type type);

/* json_text() - return a string member, owned by @object; "" if json_member() returns NULL. */
const char *json_text(struct json_object *object, const char *name);

#endif
