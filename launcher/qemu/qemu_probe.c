// SPDX-License-Identifier: GPL-2.0-or-later
// Queries a QEMU binary for its version and the full name of a machine type.
#include "launcher/qemu/qemu_probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "launcher/common/argv.h"
#include "launcher/common/json.h"
#include "launcher/common/signals.h"
#include "launcher/common/text.h"
#include "launcher/qemu/qemu_fd.h"
#include "launcher/qemu/qemu_process.h"
#include "launcher/qemu/qmp.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/clock.h"

/* QEMU needs about 100 ms, and more on a host that is busy with other guests. */
#define TIMEOUT_MS 30000

/**
 * struct query - a running query.
 * @type: of the machine.
 * @found: the replies so far; a text is empty until its reply has come.
 * @ret: 0 or the negative errno of a callback that failed, with its reason in @err.
 */
struct query {
	struct qmp *qmp;
	const char *binary;
	const char *type;
	struct qemu_probe_result found;
	int ret;
	struct error *err;
};

static int member_number(struct json_object *object, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(object, name, &value) ? json_object_get_int(value) : 0;
}

static void read_version(struct query *query, struct json_object *result)
{
	struct json_object *numbers;

	if (json_object_object_get_ex(result, "qemu", &numbers))
		snprintf(query->found.version, sizeof(query->found.version), "%d.%d.%d",
			 member_number(numbers, "major"), member_number(numbers, "minor"),
			 member_number(numbers, "micro"));
}

static void read_machine(struct query *query, struct json_object *result)
{
	for (size_t i = 0;
	     json_object_is_type(result, json_type_array) && i < json_object_array_length(result);
	     i++) {
		struct json_object *machine = json_object_array_get_idx(result, i);
		const char *name = json_text(machine, "name");

		if (strcmp(name, query->type) != 0 &&
		    strcmp(json_text(machine, "alias"), query->type) != 0)
			continue;
		if (text_clean(name, "") && strlen(name) < sizeof(query->found.machine))
			memcpy(query->found.machine, name, strlen(name) + 1);
		return;
	}
	query->ret = error_setf(query->err, STATUS_DEFINITION, EINVAL,
				"'%s' has no machine type '%s'", query->binary, query->type);
	error_remedy(query->err, "list the types that it has: %s -machine help",
		     ARGV_WORD(query->binary));
}

static void on_ready(void *context)
{
	struct query *query = context;

	query->ret = qmp_send(query->qmp, "query-version", NULL, query->err);
	if (!query->ret)
		query->ret = qmp_send(query->qmp, "query-machines", NULL, query->err);
}

static void on_reply(const char *command, struct json_object *result, const struct error *failure,
		     void *context)
{
	struct query *query = context;

	if (!result) {
		*query->err = *failure;
		query->ret = -failure->code;
	} else if (!strcmp(command, "query-version")) {
		read_version(query, result);
	} else {
		read_machine(query, result);
	}
}

static const struct qmp_ops ops = { .ready = on_ready, .reply = on_reply };

static int run_query(struct query *query, struct error *err)
{
	const int64_t end = (int64_t)monotonic_ms() + TIMEOUT_MS;

	while (!query->found.version[0] || !query->found.machine[0]) {
		const int64_t left = end - (int64_t)monotonic_ms();
		int ret;

		if (left <= 0)
			return error_setf(err, STATUS_FAILURE, ETIMEDOUT, "'%s' does not answer",
					  query->binary);
		ret = signals_wait(qmp_fd(query->qmp), (int)left, err);
		if (ret > 0)
			ret = qmp_receive(query->qmp, err);
		if (ret || query->ret)
			return ret ? ret : query->ret;
	}
	return 0;
}

static int start(const char *binary, int qmp, struct process *process, struct error *err)
{
	const struct process_fd fds[] = { { qmp, QEMU_FD_QMP } };
	struct argv argv = { 0 };
	int ret;

	argv_add(&argv, binary, "-nodefaults", "-no-user-config", "-machine", "none", "-display",
		 "none", "-chardev", NULL);
	argv_addf(&argv, "socket,id=qmp,fd=%d", QEMU_FD_QMP);
	argv_add(&argv, "-qmp", "chardev:qmp", NULL);
	ret = argv.failed ? error_set_errno(err, ENOMEM, "cannot run '%s'", binary)
			  : qemu_process_start(&(struct qemu_process_config){ .argv = &argv,
									      .fds = fds,
									      .fd_count = 1 },
					       process, err);
	argv_done(&argv);
	return ret;
}

int qemu_probe(const char *binary, const char *type, struct qemu_probe_result *result,
	       struct error *err)
{
	struct query query = { .binary = binary, .type = type, .err = err };
	struct process process = PROCESS_NONE;
	int sockets[2];
	int ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_set_errno(err, errno, "cannot make a socket for QMP");
	ret = start(binary, sockets[1], &process, err);
	close(sockets[1]);
	query.qmp = qmp_new(sockets[0], &ops, &query, err);
	if (!ret && !query.qmp)
		ret = -err->code;
	if (!ret)
		ret = run_query(&query, err);
	qmp_free(query.qmp);
	process_kill(&process);
	if (!ret)
		*result = query.found;
	return ret;
}
