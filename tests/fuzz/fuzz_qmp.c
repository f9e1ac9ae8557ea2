// SPDX-License-Identifier: GPL-2.0-or-later
// Any bytes from QEMU on its QMP, cut anywhere; the first byte says how.
#include <ctype.h>
#include <string.h>

#include "launcher/qemu/qmp.h"
#include "tests/fuzz/fuzz.h"

static struct qmp *qmp;

static void check_text(const char *text)
{
	for (; *text; text++)
		must(isascii(*text) && isprint(*text));
}

static void on_ready(void *context)
{
	struct error err;

	qmp_send(qmp, "query-status", NULL, &err);
	qmp_send(qmp, "system_powerdown", json_object_new_object(), &err);
}

static void on_event(const char *name, struct json_object *data, void *context)
{
	struct error err;

	must(strlen(name) < QMP_NAME_SIZE);
	check_text(name);
	qmp_send(qmp, "query-status", NULL, &err);
}

static void on_reply(const char *command, struct json_object *result, const struct error *failure,
		     void *context)
{
	must(!result == !!failure);
	check_text(command);
	if (failure)
		check_text(failure->message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct qmp_ops ops = { on_ready, on_event, on_reply };
	struct error err;
	size_t step;

	if (size == 0)
		return 0;
	step = data[0] ? data[0] : size;
	qmp = qmp_new(-1, &ops, NULL, &err);
	must(qmp);
	for (size_t at = 1; at < size; at += step)
		if (qmp_input(qmp, (const char *)data + at, step < size - at ? step : size - at,
			      &err) < 0) {
			must(qmp_input(qmp, "{", 1, &err) < 0);
			break;
		}
	qmp_free(qmp);
	return 0;
}
