// SPDX-License-Identifier: GPL-2.0-or-later
// Checks what keeps a VM off this LAN, and prints the command that mends it.
#include "launcher/doctor/doctor.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/doctor/check_helper.h"
#include "launcher/doctor/check_host.h"
#include "launcher/doctor/check_lan.h"
#include "launcher/doctor/check_machine.h"
#include "launcher/run/launch.h"
#include "netsetup/base/cleanup.h"

static const struct row {
	const char *name;
	checkup_fn *check;
} rows[] = {
	{ "qemu", checkup_qemu },
	{ "kvm", checkup_kvm },
	{ "tun", checkup_tun },
	{ "helper", checkup_helper },
	{ "policy", checkup_policy },
	{ "uplink", checkup_uplink },
	{ "addresses", checkup_addresses },
	{ "router", checkup_router },
	{ "internet", checkup_internet },
	{ "dns", checkup_dns },
	{ "firewall", checkup_firewall },
	{ "arp", checkup_arp },
	{ "manager", checkup_manager },
	{ "stations", checkup_stations },
	{ "data", checkup_data },
	{ "cache", checkup_cache },
	{ "runtime", checkup_runtime },
	{ "leftovers", checkup_leftovers },
	{ "clock", checkup_clock },
};

static const char *const grades[] = {
	[GRADE_OK] = "ok", [GRADE_NOTE] = "note", [GRADE_WARN] = "warn", [GRADE_FAIL] = "fail"
};

/* Each line below the first is indented as far as the first one's text. */
static void show_lines(const char *first, const char *text)
{
	char line[ERROR_REMEDY_SIZE + 32];

	while (*text) {
		const size_t length = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%-17s%.*s", first, (int)length, text);
		log_output(line);
		text += length + (text[length] == '\n');
		first = "";
	}
}

static void print_row(const struct row *row, enum grade grade, const struct error *said)
{
	char first[32];

	snprintf(first, sizeof(first), "%-5s %s", grades[grade], row->name);
	show_lines(first, said->message);
	show_lines("", said->remedy);
}

static void add(struct json_object *list, const struct row *row, enum grade grade,
		const struct error *said)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_object_new_string(row->name));
	json_object_object_add(object, "grade", json_object_new_string(grades[grade]));
	json_object_object_add(object, "finding", json_object_new_string(said->message));
	json_object_object_add(object, "remedy",
			       said->remedy[0] ? json_object_new_string(said->remedy) : NULL);
	json_object_array_add(list, object);
}

/* Every check; @list: where they are put, or NULL to show them as they come. */
static bool check_all(struct checkup *checkup, struct json_object *list)
{
	bool healthy = true;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error said = { 0 };
		const enum grade grade = rows[i].check(checkup, &said);

		healthy = healthy && grade != GRADE_FAIL;
		if (list)
			add(list, &rows[i], grade, &said);
		else
			print_row(&rows[i], grade, &said);
	}
	return healthy;
}

static void show_json(struct json_object *list, bool healthy)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "ok", json_object_new_boolean(healthy));
	json_object_object_add(object, "checks", list);
	log_output(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
								  JSON_C_TO_STRING_SPACED |
								  JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

int doctor_run(const struct options *options, struct launch *launch, struct error *err)
{
	struct checkup checkup = { .helpers = &launch->helpers };
	struct json_object *list = options->json ? json_object_new_array() : NULL;
	bool healthy;

	uplink_find(NULL, &checkup.uplink, &checkup.uplink_error);
	healthy = check_all(&checkup, list);
	helpers_end(&launch->helpers);
	if (list)
		show_json(list, healthy);
	return healthy ? STATUS_OK : STATUS_FAILURE;
}
