// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the statuses of VMs as tables, as lines or as JSON.
#include "launcher/commands/output.h"

#include <stdio.h>
#include <string.h>

#include "launcher/common/log.h"
#include "netsetup/base/cleanup.h"

void describe_json(struct json_object *object)
{
	log_output(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
								  JSON_C_TO_STRING_SPACED |
								  JSON_C_TO_STRING_NOSLASHESCAPE));
}

const char *describe_text(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) || !value)
		return "-";
	return json_object_get_string(value);
}

static int number_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_int(value) : 0;
}

/* "3 min", "2 h 5 min", "4 days". */
static const char *uptime_text(int seconds, char text[32])
{
	if (seconds < 60)
		snprintf(text, 32, "%d s", seconds);
	else if (seconds < 3600)
		snprintf(text, 32, "%d min", seconds / 60);
	else if (seconds < 2 * 86400)
		snprintf(text, 32, "%d h %d min", seconds / 3600, seconds / 60 % 60);
	else
		snprintf(text, 32, "%d days", seconds / 86400);
	return text;
}

void describe_list(struct json_object *list)
{
	char line[256], uptime[32];
	const char *reason;

	snprintf(line, sizeof(line), "%-16s %-15s %-10s %-8s %-13s %s", "NAME", "ADDRESS", "UPLINK",
		 "PID", "STATE", "UP");
	log_output(line);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *vm = json_object_array_get_idx(list, i);

		reason = describe_text(vm, "state-reason");
		snprintf(line, sizeof(line), "%-16s %-15s %-10s %-8d %-13s %s%s%s",
			 describe_text(vm, "name"), describe_text(vm, "address"),
			 describe_text(vm, "uplink"), number_of(vm, "pid"),
			 describe_text(vm, "state"), uptime_text(number_of(vm, "uptime"), uptime),
			 *reason == '-' ? "" : "  ", *reason == '-' ? "" : reason);
		log_output(line);
	}
}

/* A list as people write it. */
static const char *list_text(struct json_object *list, char *text, size_t size)
{
	size_t used = 0;

	snprintf(text, size, "-");
	for (size_t i = 0; i < json_object_array_length(list) && used < size; i++)
		used += (size_t)snprintf(
			text + used, size - used, "%s%s", i ? ", " : "",
			json_object_get_string(json_object_array_get_idx(list, i)));
	return text;
}

static void show_row(const char *key, const char *text)
{
	char line[1152];

	snprintf(line, sizeof(line), "%-16s %s", key, text);
	log_output(line);
}

/* What the guest says of itself, in the words of the JSON. */
static void show_agent(struct json_object *agent)
{
	static const char *const keys[] = { "version", "os", "kernel", "hostname" };
	struct json_object *interfaces = NULL;
	char key[32], text[1008], list[860];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		snprintf(key, sizeof(key), "agent-%s", keys[i]);
		show_row(key, describe_text(agent, keys[i]));
	}
	json_object_object_get_ex(agent, "interfaces", &interfaces);
	for (size_t i = 0; interfaces && i < json_object_array_length(interfaces); i++) {
		struct json_object *card = json_object_array_get_idx(interfaces, i);

		snprintf(text, sizeof(text), "%.64s %.64s %s", describe_text(card, "name"),
			 describe_text(card, "mac"),
			 list_text(json_object_object_get(card, "addresses"), list, sizeof(list)));
		show_row("agent-card", text);
	}
}

void describe_status(struct json_object *status)
{
	char text[960], uptime[32];

	json_object_object_foreach(status, key, value)
	{
		if (!value)
			continue;
		if (json_object_is_type(value, json_type_object)) {
			show_agent(value);
			continue;
		}
		if (!strcmp(key, "uptime")) {
			snprintf(text, sizeof(text), "up %s",
				 uptime_text(json_object_get_int(value), uptime));
			show_row(key, text);
		} else if (json_object_is_type(value, json_type_array)) {
			show_row(key, list_text(value, text, sizeof(text)));
		} else if (json_object_is_type(value, json_type_boolean)) {
			show_row(key, json_object_get_boolean(value) ? "yes" : "no");
		} else {
			show_row(key, json_object_get_string(value));
		}
	}
}
