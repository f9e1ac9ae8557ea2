// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the statuses of VMs as tables, as lines or as JSON.
#include "launcher/commands/output.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "launcher/common/log.h"
#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"

void output_json(struct json_object *object)
{
	log_output(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
								  JSON_C_TO_STRING_SPACED |
								  JSON_C_TO_STRING_NOSLASHESCAPE));
}

const char *output_text(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) || !value)
		return "-";
	return json_object_get_string(value);
}

static int get_number(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_int(value) : 0;
}

/* "3 min", "2 h 5 min", "4 days". */
static const char *format_uptime(int seconds, char text[32])
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

/* Prints a line with texts of a VM, which may be another user's, so that it cannot act. */
static void print_line(const char *line)
{
	text_write(stdout, line, strlen(line));
	putchar('\n');
}

/* Returns the width of a column for the owners of VMs; 0 if none has an owner. */
static int owners_width(struct json_object *list)
{
	size_t widest = 0;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *vm = json_object_array_get_idx(list, i);
		const size_t width = strlen(output_text(vm, "owner")) + 1;

		if (width > widest && json_object_object_get_ex(vm, "owner", NULL))
			widest = width;
	}
	return widest == 0 || widest > sizeof("OWNER") ? (int)widest : (int)sizeof("OWNER");
}

void output_list(struct json_object *list)
{
	const int owner_width = owners_width(list);
	char line[256], uptime[32];

	snprintf(line, sizeof(line), "%-16s %-*.*s%-15s %-10s %-9s %-8s %-13s %s", "NAME",
		 owner_width, owner_width, "OWNER", "ADDRESS", "UPLINK", "LAN", "PID", "STATE",
		 "UP");
	print_line(line);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *vm = json_object_array_get_idx(list, i);

		const char *state = output_text(vm, "state-reason");
		const char *lan = output_text(vm, "lan-reason");
		const char *reason = *state == '-' ? lan : state;

		snprintf(line, sizeof(line), "%-16s %-*.*s%-15s %-10s %-9s %-8d %-13s %s%s%s",
			 output_text(vm, "name"), owner_width, owner_width,
			 output_text(vm, "owner"), output_text(vm, "address"),
			 output_text(vm, "uplink"), output_text(vm, "lan"), get_number(vm, "pid"),
			 output_text(vm, "state"), format_uptime(get_number(vm, "uptime"), uptime),
			 *reason == '-' ? "" : "  ", *reason == '-' ? "" : reason);
		print_line(line);
	}
}

/* Joins a list with commas. */
static const char *join_list(struct json_object *list, char *text, size_t size)
{
	size_t used = 0;

	snprintf(text, size, "-");
	for (size_t i = 0; i < json_object_array_length(list) && used < size; i++)
		used += (size_t)snprintf(
			text + used, size - used, "%s%s", i ? ", " : "",
			json_object_get_string(json_object_array_get_idx(list, i)));
	return text;
}

static void print_row(const char *key, const char *text)
{
	char line[1152];

	snprintf(line, sizeof(line), "%-16s %s", key, text);
	print_line(line);
}

/* Prints the facts of the guest agent under the names of the JSON members. */
static void print_agent(struct json_object *agent)
{
	static const char *const keys[] = { "version", "os", "kernel", "hostname" };
	struct json_object *interfaces = NULL;
	char key[32], text[1008], list[860];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		snprintf(key, sizeof(key), "agent-%s", keys[i]);
		print_row(key, output_text(agent, keys[i]));
	}
	json_object_object_get_ex(agent, "interfaces", &interfaces);
	for (size_t i = 0; interfaces && i < json_object_array_length(interfaces); i++) {
		struct json_object *card = json_object_array_get_idx(interfaces, i);

		snprintf(text, sizeof(text), "%.64s %.64s %s", output_text(card, "name"),
			 output_text(card, "mac"),
			 join_list(json_object_object_get(card, "addresses"), list, sizeof(list)));
		print_row("agent-card", text);
	}
}

/* Prints the cards of a VM that has several; the other rows have those of one. */
static void print_networks(struct json_object *networks)
{
	char key[32], text[1008];

	for (size_t i = 0;
	     json_object_array_length(networks) > 1 && i < json_object_array_length(networks);
	     i++) {
		struct json_object *card = json_object_array_get_idx(networks, i);
		const bool lan = json_object_object_get_ex(card, "address", NULL);

		snprintf(key, sizeof(key), "network.%zu", i);
		snprintf(text, sizeof(text), "%s, mac %s%s%s%s%s%s%s", output_text(card, "type"),
			 output_text(card, "mac"), lan ? ", " : "",
			 lan ? output_text(card, "address") : "", lan ? " on " : "",
			 lan ? output_text(card, "uplink") : "", lan ? ", " : "",
			 lan ? output_text(card, "lan") : "");
		print_row(key, text);
	}
}

void output_status(struct json_object *status)
{
	char text[960], uptime[32];

	json_object_object_foreach(status, key, value)
	{
		if (!value)
			continue;
		if (json_object_is_type(value, json_type_object)) {
			print_agent(value);
			continue;
		}
		if (!strcmp(key, "uptime")) {
			snprintf(text, sizeof(text), "up %s",
				 format_uptime(json_object_get_int(value), uptime));
			print_row(key, text);
		} else if (!strcmp(key, "networks")) {
			print_networks(value);
		} else if (json_object_is_type(value, json_type_array)) {
			print_row(key, join_list(value, text, sizeof(text)));
		} else if (json_object_is_type(value, json_type_boolean)) {
			print_row(key, json_object_get_boolean(value) ? "yes" : "no");
		} else {
			print_row(key, json_object_get_string(value));
		}
	}
}
