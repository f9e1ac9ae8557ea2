// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the layout of netsetup/protocol/protocol.h's records as JSON, for the lab's records.py.
#include <json-c/json.h>
#include <stddef.h>
#include <stdio.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/protocol/protocol.h"

/* A member or a type that a list below lacks stops the build. */
#pragma GCC diagnostic error "-Wmissing-field-initializers"
#pragma GCC diagnostic error "-Wswitch"

/* clang-format off */
/* The members of each record r: N(r, number), B(r, bytes). */
#define HEADER(N, B, r) N(r, magic) N(r, version) N(r, type) N(r, size)
#define ATTACH(N, B, r) \
	B(r, header) B(r, name) B(r, uuid) N(r, owner) N(r, ifindex) B(r, host) B(r, address) \
	B(r, range_first) B(r, range_last) B(r, remembered) B(r, remembered_routers) \
	B(r, avoided) B(r, gateway) N(r, tap_ifindex) B(r, mac) N(r, probe) N(r, promiscuous) \
	N(r, path) N(r, queues) N(r, offload) N(r, dhcp) N(r, named) N(r, announce) \
	N(r, dry_run) N(r, verbose) N(r, card) N(r, host_routes) N(r, firewall) N(r, question)
#define CLEAN(N, B, r) B(r, header) N(r, dry_run) B(r, reserved)
#define CHANGE(N, B, r) B(r, header) B(r, text)
#define READY(N, B, r) \
	B(r, header) B(r, tap) N(r, tap_ifindex) B(r, address) N(r, queues) N(r, dhcp) \
	B(r, router_mac) N(r, access) N(r, path) B(r, reserved) B(r, verdict)
#define FAILED(N, B, r) B(r, header) N(r, code) N(r, status) B(r, message) B(r, remedy)
#define CONFLICT(N, B, r) B(r, header) B(r, mac) B(r, reserved) B(r, address)
#define DHCP(N, B, r) \
	B(r, header) B(r, mac) N(r, checksum_unfinished) N(r, reserved) N(r, size) B(r, packet)

#define VERDICT(N, B, r) B(r, header) B(r, reserved) B(r, verdict)
#define ACCESS(N, B, r)  B(r, header) N(r, access) B(r, reserved)
#define COUNTS_OF(N, B, r) \
	B(r, header) N(r, tap_ifindex) B(r, tap) N(r, path) N(r, reserved) B(r, counts)

/* An initializer of each kind of member. */
#define ZERO(r, m)  0,
#define EMPTY(r, m) {},

/* Rows of struct member; a format is a code of Python's module struct. */
#define ROW(r, m, format) { #m, offsetof(struct r, m), sizeof(((struct r *)0)->m), format },
#define BYTES(r, m)       ROW(r, m, "s")
#define NUMBER(r, m)      ROW(r, m, _Generic(((struct r *)0)->m, uint8_t: "B", uint16_t: "H", \
					     uint32_t: "I", int32_t: "i"))

#define END               { NULL, 0, 0, NULL }
#define RECORD(r, MEMBERS) { #r, sizeof((struct r){ MEMBERS(ZERO, EMPTY, r) }), \
			     (const struct member[]){ MEMBERS(NUMBER, BYTES, r) END } }
/* clang-format on */

#define TYPE(type) \
	case type: \
		return #type

struct member {
	const char *name;
	size_t offset;
	size_t size;
	const char *format;
};

struct layout {
	const char *name;
	size_t size;
	const struct member *members;
};

static const struct layout layouts[] = {
	RECORD(record_header, HEADER),     RECORD(attach_record, ATTACH),
	RECORD(clean_record, CLEAN),       RECORD(change_record, CHANGE),
	RECORD(ready_record, READY),       RECORD(failed_record, FAILED),
	RECORD(conflict_record, CONFLICT), RECORD(dhcp_record, DHCP),
	RECORD(verdict_record, VERDICT),   RECORD(access_record, ACCESS),
	RECORD(counts_record, COUNTS_OF),
};

static const char *type_name(enum record_type type)
{
	switch (type) {
		TYPE(RECORD_ATTACH);
		TYPE(RECORD_MOVE);
		TYPE(RECORD_WITHDRAW);
		TYPE(RECORD_CLEAN);
		TYPE(RECORD_CHANGE);
		TYPE(RECORD_READY);
		TYPE(RECORD_FAILED);
		TYPE(RECORD_CONFLICT);
		TYPE(RECORD_RENEWED);
		TYPE(RECORD_DONE);
		TYPE(RECORD_DHCP);
		TYPE(RECORD_CONNECT);
		TYPE(RECORD_CONNECTED);
		TYPE(RECORD_STRANGER);
		TYPE(RECORD_VERDICT);
		TYPE(RECORD_ACCESS);
		TYPE(RECORD_COUNT);
		TYPE(RECORD_COUNTS);
	}
	return NULL;
}

static void add_number(struct json_object *object, const char *name, uint64_t number)
{
	json_object_object_add(object, name, json_object_new_uint64(number));
}

static struct json_object *types(void)
{
	struct json_object *object = json_object_new_object();
	const char *name;

	for (uint32_t type = RECORD_ATTACH; (name = type_name(type)); type++)
		add_number(object, name, type);
	return object;
}

static struct json_object *members(const struct member *member)
{
	struct json_object *array = json_object_new_array();

	for (; member->name; member++) {
		struct json_object *object = json_object_new_object();

		json_object_object_add(object, "name", json_object_new_string(member->name));
		json_object_object_add(object, "format", json_object_new_string(member->format));
		add_number(object, "offset", member->offset);
		add_number(object, "size", member->size);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *records(void)
{
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct json_object *record = json_object_new_object();

		add_number(record, "size", layouts[i].size);
		json_object_object_add(record, "members", members(layouts[i].members));
		json_object_object_add(object, layouts[i].name, record);
	}
	return object;
}

int main(void)
{
	struct json_object *object = json_object_new_object();

	add_number(object, "magic", PROTOCOL_MAGIC);
	add_number(object, "version", PROTOCOL_VERSION);
	add_number(object, "largest", sizeof(union record));
	json_object_object_add(object, "types", types());
	json_object_object_add(object, "records", records());
	printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY));
	json_object_put(object);
	return 0;
}
