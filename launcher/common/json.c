// SPDX-License-Identifier: GPL-2.0-or-later
// Reads members of untrusted JSON and checks their types.
#include "launcher/common/json.h"

struct json_object *json_member(struct json_object *object, const char *name, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, name, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

const char *json_text(struct json_object *object, const char *name)
{
	struct json_object *value = json_member(object, name, json_type_string);

	return value ? json_object_get_string(value) : "";
}
