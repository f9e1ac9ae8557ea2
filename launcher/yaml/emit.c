// SPDX-License-Identifier: GPL-2.0-or-later
// Writes a struct as YAML or JSON that its table reads back.
#include "launcher/yaml/emit.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"

#define JSON_FLAGS \
	(JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE)

/* True if some reader of YAML takes the text, when it is not quoted, for another type. */
static bool text_ambiguous(const char *text)
{
	static const char *const words[] = {
		"", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "<<", "=",
	};
	char *end;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcasecmp(text, words[i]))
			return true;
	/* YAML 1.1 has numbers to base 60 and with '_'. */
	if (text[strspn(text, "+-0123456789_:")] == '\0')
		return true;
	strtod(text, &end);
	return *end == '\0';
}

static yaml_scalar_style_t text_style(const char *text)
{
	if (strpbrk(text, "\t\n"))
		return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	return text_ambiguous(text) ? YAML_SINGLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE;
}

static bool emit(yaml_emitter_t *emitter, yaml_event_t *event, int initialized)
{
	return initialized && yaml_emitter_emit(emitter, event);
}

static bool emit_text(yaml_emitter_t *emitter, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;

	return emit(emitter, &event,
		    yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
						 (int)strlen(text), 1, 1, style));
}

static bool emit_value(yaml_emitter_t *emitter, struct json_object *value);

static bool emit_list(yaml_emitter_t *emitter, struct json_object *array)
{
	size_t count = json_object_array_length(array);
	yaml_sequence_style_t style = YAML_FLOW_SEQUENCE_STYLE;
	yaml_event_t event;

	for (size_t i = 0; i < count; i++)
		if (json_object_is_type(json_object_array_get_idx(array, i), json_type_object))
			style = YAML_BLOCK_SEQUENCE_STYLE;
	if (!emit(emitter, &event,
		  yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, style)))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!emit_value(emitter, json_object_array_get_idx(array, i)))
			return false;
	return emit(emitter, &event, yaml_sequence_end_event_initialize(&event));
}

static bool emit_mapping(yaml_emitter_t *emitter, struct json_object *object)
{
	yaml_event_t event;

	if (!emit(emitter, &event,
		  yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
						      YAML_BLOCK_MAPPING_STYLE)))
		return false;
	json_object_object_foreach(object, name, value)
	{
		if (!emit_text(emitter, name, YAML_PLAIN_SCALAR_STYLE) ||
		    !emit_value(emitter, value))
			return false;
	}
	return emit(emitter, &event, yaml_mapping_end_event_initialize(&event));
}

static bool emit_value(yaml_emitter_t *emitter, struct json_object *value)
{
	const char *text = json_object_get_string(value);

	switch (json_object_get_type(value)) {
	case json_type_object:
		return emit_mapping(emitter, value);
	case json_type_array:
		return emit_list(emitter, value);
	case json_type_string:
		return emit_text(emitter, text, text_style(text));
	default:
		return text && emit_text(emitter, text, YAML_PLAIN_SCALAR_STYLE);
	}
}

static bool emit_document(yaml_emitter_t *emitter, struct json_object *tree)
{
	yaml_event_t event;

	return emit(emitter, &event,
		    yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)) &&
	       emit(emitter, &event,
		    yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1)) &&
	       emit_mapping(emitter, tree) &&
	       emit(emitter, &event, yaml_document_end_event_initialize(&event, 1)) &&
	       emit(emitter, &event, yaml_stream_end_event_initialize(&event));
}

static int write_stream(void *out, unsigned char *bytes, size_t size)
{
	return fwrite(bytes, 1, size, out) == size;
}

static char *yaml_text(struct json_object *tree)
{
	yaml_emitter_t emitter;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool done;

	if (!out)
		return NULL;
	done = yaml_emitter_initialize(&emitter);
	if (done) {
		yaml_emitter_set_output(&emitter, write_stream, out);
		yaml_emitter_set_unicode(&emitter, 1);
		/* No line breaks in values. */
		yaml_emitter_set_width(&emitter, -1);
		done = emit_document(&emitter, tree);
		yaml_emitter_delete(&emitter);
	}
	if (fclose(out) || !done) {
		free(text);
		return NULL;
	}
	return text;
}

static char *json_text(struct json_object *tree)
{
	const char *json = json_object_to_json_string_ext(tree, JSON_FLAGS);
	char *text = NULL;

	if (!json || asprintf(&text, "%s\n", json) < 0)
		return NULL;
	return text;
}

/* Checks all texts: the definition's directory, a part of paths, was not checked when read. */
static bool tree_clean(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_object: {
		json_object_object_foreach(value, name, item)
		{
			if (!name || !tree_clean(item))
				return false;
		}
		return true;
	}
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(value); i++)
			if (!tree_clean(json_object_array_get_idx(value, i)))
				return false;
		return true;
	case json_type_string:
		return text_clean(json_object_get_string(value), "\t\n");
	default:
		return true;
	}
}

int emit_tree(const struct keys *keys, const void *base, bool json, char **text)
{
	struct json_object *tree = schema_write(keys, base);
	bool clean = tree && tree_clean(tree);
	char *written = NULL;

	if (clean)
		written = json ? json_text(tree) : yaml_text(tree);
	if (tree)
		json_object_put(tree);
	if (tree && !clean)
		return -EILSEQ;
	if (!written)
		return -ENOMEM;
	*text = written;
	return 0;
}
