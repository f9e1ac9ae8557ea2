// SPDX-License-Identifier: GPL-2.0-or-later
// What a QEMU binary says of itself: its version, and the machine that a type's name stands for.
#include "launcher/qemu/qemu_probe.h"

#include <errno.h>
#include <poll.h>
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

/* It takes a tenth of a second; on a machine that is busy with other guests more. */
#define PATIENCE_MS 30000

/**
 * struct asking - a QEMU that is asked.
 * @qmp: the way to it.
 * @binary: its name.
 * @type: of the machine.
 * @found: what it has said so far; empty texts for what it has not.
 * @result: of what went wrong within a callback: 0 or a negative errno, told in @err.
 */
struct asking {
	struct qmp *qmp;
	const char *binary;
	const char *type;
	struct qemu_identity found;
	int result;
	struct error *err;
};

static int member_number(struct json_object *object, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(object, name, &value) ? json_object_get_int(value) : 0;
}

static void take_version(struct asking *asking, struct json_object *result)
{
	struct json_object *numbers;

	if (json_object_object_get_ex(result, "qemu", &numbers))
		snprintf(asking->found.version, sizeof(asking->found.version), "%d.%d.%d",
			 member_number(numbers, "major"), member_number(numbers, "minor"),
			 member_number(numbers, "micro"));
}

static void take_machines(struct asking *asking, struct json_object *result)
{
	for (size_t i = 0;
	     json_object_is_type(result, json_type_array) && i < json_object_array_length(result);
	     i++) {
		struct json_object *machine = json_object_array_get_idx(result, i);
		const char *name = json_text(machine, "name");

		if (strcmp(name, asking->type) != 0 &&
		    strcmp(json_text(machine, "alias"), asking->type) != 0)
			continue;
		if (text_clean(name, "") && strlen(name) < sizeof(asking->found.machine))
			memcpy(asking->found.machine, name, strlen(name) + 1);
		return;
	}
	asking->result = error_say(asking->err, STATUS_DEFINITION, EINVAL,
				   "'%s' has no machine type '%s'", asking->binary, asking->type);
	error_remedy(asking->err, "list those that it has: %s -machine help", asking->binary);
}

static void on_ready(void *context)
{
	struct asking *asking = context;

	asking->result = qmp_send(asking->qmp, "query-version", NULL, asking->err);
	if (!asking->result)
		asking->result = qmp_send(asking->qmp, "query-machines", NULL, asking->err);
}

static void on_reply(const char *command, struct json_object *result, const struct error *failure,
		     void *context)
{
	struct asking *asking = context;

	if (!result) {
		*asking->err = *failure;
		asking->result = -failure->code;
	} else if (!strcmp(command, "query-version")) {
		take_version(asking, result);
	} else {
		take_machines(asking, result);
	}
}

static const struct qmp_ops ops = { .ready = on_ready, .reply = on_reply };

static int converse(struct asking *asking, int signals, struct error *err)
{
	const int64_t end = (int64_t)monotonic_ms() + PATIENCE_MS;
	struct pollfd polled[] = {
		{ .fd = qmp_fd(asking->qmp), .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};

	while (!asking->found.version[0] || !asking->found.machine[0]) {
		const int64_t left = end - (int64_t)monotonic_ms();
		int ret;

		if (left <= 0)
			return error_say(err, STATUS_FAILURE, ETIMEDOUT, "'%s' does not answer",
					 asking->binary);
		if (poll(polled, ARRAY_SIZE(polled), (int)left) < 0 && errno != EINTR)
			return error_set(err, errno, "cannot wait for '%s'", asking->binary);
		if (signals_pending()) {
			memset(err, 0, sizeof(*err));
			err->code = EINTR;
			err->status = (enum exit_status)(STATUS_SIGNAL + signals_pending());
			return -EINTR;
		}
		ret = polled[0].revents ? qmp_receive(asking->qmp, err) : 0;
		if (ret || asking->result)
			return ret ? ret : asking->result;
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
	argv_add(&argv, "-mon", "chardev=qmp,mode=control", NULL);
	ret = argv.failed ? error_set(err, ENOMEM, "cannot run '%s'", binary)
			  : qemu_process_start(&(struct qemu_process_config){ .argv = &argv,
									      .fds = fds,
									      .fd_count = 1 },
					       process, err);
	argv_done(&argv);
	return ret;
}

int qemu_identify(const char *binary, const char *type, struct qemu_identity *identity,
		  struct error *err)
{
	struct asking asking = { .binary = binary, .type = type, .err = err };
	struct process process = PROCESS_NONE;
	cleanup_fd int signals = signals_open_ends(err);
	int sockets[2];
	int ret;

	if (signals < 0)
		return signals;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_set(err, errno, "cannot make a socket for QMP");
	ret = start(binary, sockets[1], &process, err);
	close(sockets[1]);
	asking.qmp = qmp_new(sockets[0], &ops, &asking, err);
	if (!ret && !asking.qmp)
		ret = -err->code;
	if (!ret)
		ret = converse(&asking, signals, err);
	qmp_free(asking.qmp);
	process_kill(&process);
	if (!ret)
		*identity = asking.found;
	return ret;
}
