// SPDX-License-Identifier: GPL-2.0-or-later
// Checks an Ignition configuration, which sets up systems such as Fedora CoreOS.
#include "launcher/definition/ignition.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

#include "launcher/common/file.h"
#include "netsetup/base/cleanup.h"

/* Butane is the YAML that is translated to Ignition; 'variant' is its required key. */
static bool is_butane(const char *text, size_t size)
{
	static const char start[] = "variant:";

	return (size >= strlen(start) && !memcmp(text, start, strlen(start))) ||
	       memmem(text, size, "\nvariant:", strlen("\nvariant:"));
}

/* Accepts JSON alone (RFC 8259): json-c accepts more, and ignores text after the value. */
static struct json_object *parse(const char *text, size_t size)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *root = NULL;

	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tokener, text, (int)size);
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		json_object_put(root);
		root = NULL;
	}
	json_tokener_free(tokener);
	return root;
}

static const char *version_wrong(struct json_object *root)
{
	struct json_object *ignition, *version;

	if (!json_object_is_type(root, json_type_object) ||
	    !json_object_object_get_ex(root, "ignition", &ignition) ||
	    !json_object_object_get_ex(ignition, "version", &version) ||
	    !json_object_is_type(version, json_type_string) ||
	    json_object_get_string_len(version) == 0)
		return "is not an Ignition configuration: it has no 'ignition.version'";
	return NULL;
}

const char *ignition_wrong(const char *path)
{
	cleanup_free char *text = NULL;
	struct json_object *root;
	struct error ignored;
	const char *wrong;
	size_t size;
	int ret;

	ret = file_read(path, IGNITION_SIZE_MAX, &text, &size, &ignored);
	if (ret == -EFBIG)
		return "is larger than 4 MiB";
	if (ret)
		return "cannot be read";
	root = parse(text, size);
	if (!root && is_butane(text, size))
		return "is Butane, not Ignition: translate it with 'butane'";
	if (!root)
		return "is not an Ignition configuration: it is not JSON";
	wrong = version_wrong(root);
	json_object_put(root);
	return wrong;
}
