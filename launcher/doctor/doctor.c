// SPDX-License-Identifier: GPL-2.0-or-later
// Finds problems that keep a VM off this LAN and their remedies.
#include "launcher/doctor/doctor.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/doctor/check_access.h"
#include "launcher/doctor/check_host.h"
#include "launcher/doctor/check_lan.h"
#include "launcher/doctor/check_machine.h"
#include "launcher/doctor/check_packets.h"
#include "launcher/doctor/check_service.h"
#include "launcher/run/launch.h"
#include "netsetup/base/cleanup.h"

static const struct row {
	const char *name;
	check_fn *check;
} rows[] = {
	{ "qemu", check_machine_qemu },
	{ "kvm", check_machine_kvm },
	{ "kernel", check_machine_kernel },
	{ "tun", check_service_tun },
	{ "service", check_service_rights },
	{ "policy", check_service_policy },
	{ "uplink", check_lan_uplink },
	{ "addresses", check_lan_addresses },
	{ "router", check_lan_router },
	{ "internet", check_lan_internet },
	{ "dns", check_lan_dns },
	{ "firewall", check_host_firewall },
	{ "packets", check_packets },
	{ "arp", check_host_arp },
	{ "manager", check_host_manager },
	{ "stations", check_lan_stations },
	{ "access", check_access },
	{ "data", check_machine_data },
	{ "cache", check_machine_cache },
	{ "runtime", check_machine_runtime },
	{ "leftovers", check_service_leftovers },
	{ "clock", check_machine_clock },
	{ "sandbox", check_machine_sandbox },
};

static const char *const severities[] = { [SEVERITY_OK] = "ok",
					  [SEVERITY_NOTE] = "note",
					  [SEVERITY_WARN] = "warn",
					  [SEVERITY_FAIL] = "fail" };

/* Prints @text with @first before its first line; indents the other lines by the same width. */
static void print_lines(const char *first, const char *text)
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

static void print_finding(const struct row *row, enum severity severity,
			  const struct error *finding)
{
	char first[32];

	snprintf(first, sizeof(first), "%-5s %s", severities[severity], row->name);
	print_lines(first, finding->message);
	print_lines("", finding->remedy);
}

static void add_finding(struct json_object *list, const struct row *row, enum severity severity,
			const struct error *finding)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_object_new_string(row->name));
	json_object_object_add(object, "grade", json_object_new_string(severities[severity]));
	json_object_object_add(object, "finding", json_object_new_string(finding->message));
	json_object_object_add(object, "remedy",
			       finding->remedy[0] ? json_object_new_string(finding->remedy) : NULL);
	json_object_array_add(list, object);
}

/* Does all checks and adds each finding to @list, or prints it at once if @list is NULL. */
static bool check_all(struct check *check, struct json_object *list)
{
	bool healthy = true;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error finding = { 0 };
		const enum severity severity = rows[i].check(check, &finding);

		healthy = healthy && severity != SEVERITY_FAIL;
		if (list)
			add_finding(list, &rows[i], severity, &finding);
		else
			print_finding(&rows[i], severity, &finding);
	}
	return healthy;
}

static void print_json(struct json_object *list, bool healthy)
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
	struct check check = { .connection = &launch->connection };
	struct json_object *list = options->json ? json_object_new_array() : NULL;
	bool healthy;

	uplink_find(&(struct uplink_search){ 0 }, &check.uplink, &check.uplink_error);
	healthy = check_all(&check, list);
	lan_connection_end(&launch->connection);
	if (list)
		print_json(list, healthy);
	return healthy ? STATUS_OK : STATUS_FAILURE;
}
