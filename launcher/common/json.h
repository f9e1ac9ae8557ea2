// SPDX-License-Identifier: GPL-2.0-or-later
// Members of JSON that somebody else has written, and that may be anything.
#ifndef LAUNCHER_COMMON_JSON_H
#define LAUNCHER_COMMON_JSON_H

#include <json-c/json.h>

/**
 * json_member() - a member of a type.
 * @object: may be NULL, or no object.
 * @name: of the member.
 * @type: that it is to have.
 *
 * Return: the value, which stays the object's; NULL when it is not there or of another type.
 */
struct json_object *json_member(struct json_object *object, const char *name, enum json_type type);

/* json_text() - the same for a text; "" when it is not there or no text. */
const char *json_text(struct json_object *object, const char *name);

#endif
