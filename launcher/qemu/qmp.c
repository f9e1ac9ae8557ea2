// SPDX-License-Identifier: GPL-2.0-or-later
// QMP client (qemu-qmp-ref(7)) that checks every byte QEMU sends.
#include "launcher/qemu/qmp.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "launcher/common/json.h"
#include "netsetup/base/cleanup.h"

/*
 * Threat: a guest that has broken out controls QEMU. Checks: the bytes and levels of a message and
 * the bytes of one read are limited, text is ASCII (test: test_qmp.c). Commands are not queued: a
 * command is small, so a socket without room for it means that QEMU does not read.
 */

#define READ_SIZE 4096
#define READS_MAX 16 /* in one qmp_receive(), so that the loop serves other descriptors */

#define CAPABILITIES "qmp_capabilities"

enum qmp_state {
	QMP_GREETING,     /* waits for the greeting */
	QMP_CAPABILITIES, /* waits for the reply to qmp_capabilities */
	QMP_READY,
	QMP_BROKEN,
};

/* A command that waits for its reply; an unused entry has @id 0. */
struct pending {
	int64_t id;
	char command[QMP_NAME_SIZE];
};

struct qmp {
	int fd;
	enum qmp_state state;
	const struct qmp_ops *ops;
	void *context;
	struct json_tokener *tokener;
	size_t message_size; /* bytes of the message that is not yet complete */
	int64_t last_id;
	struct pending pending[QMP_PENDING_MAX];
};

struct qmp *qmp_new(int fd, const struct qmp_ops *ops, void *context, struct error *err)
{
	cleanup_fd int socket = fd;
	cleanup_free struct qmp *qmp = calloc(1, sizeof(*qmp));
	int flags;

	if (!qmp) {
		error_set_errno(err, ENOMEM, "cannot watch QEMU's QMP");
		return NULL;
	}
	flags = fd < 0 ? 0 : fcntl(fd, F_GETFL);
	if (fd >= 0 && (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)) {
		error_set_errno(err, errno, "cannot watch QEMU's QMP");
		return NULL;
	}
	qmp->tokener = json_tokener_new_ex(QMP_DEPTH_MAX);
	if (!qmp->tokener) {
		error_set_errno(err, ENOMEM, "cannot watch QEMU's QMP");
		return NULL;
	}
	json_tokener_set_flags(qmp->tokener,
			       JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
	qmp->fd = take_fd(&socket);
	qmp->ops = ops;
	qmp->context = context;
	return take_ptr(&qmp);
}

void qmp_free(struct qmp *qmp)
{
	if (!qmp)
		return;
	json_tokener_free(qmp->tokener);
	if (qmp->fd >= 0)
		close(qmp->fd);
	free(qmp);
}

int qmp_fd(const struct qmp *qmp)
{
	return qmp->fd;
}

bool qmp_is_ready(const struct qmp *qmp)
{
	return qmp->state == QMP_READY;
}

static struct pending *find_pending(struct qmp *qmp, int64_t id)
{
	size_t i;

	for (i = 0; i < QMP_PENDING_MAX; i++)
		if (qmp->pending[i].id == id)
			return &qmp->pending[i];
	return NULL;
}

/* Takes ownership of @arguments. Returns NULL if memory ran out. */
static struct json_object *make_command(const char *command, int64_t id,
					struct json_object *arguments)
{
	struct json_object *message = json_object_new_object();
	struct json_object *name = json_object_new_string(command);
	struct json_object *number = json_object_new_int64(id);

	if (!message || !name || !number)
		goto fail;
	if (json_object_object_add(message, "execute", name) < 0)
		goto fail;
	name = NULL;
	if (json_object_object_add(message, "id", number) < 0)
		goto fail;
	number = NULL;
	if (arguments && json_object_object_add(message, "arguments", arguments) < 0)
		goto fail;
	return message;

fail:
	json_object_put(message);
	json_object_put(name);
	json_object_put(number);
	json_object_put(arguments);
	return NULL;
}

/* Sends the whole line or fails: a part of a command cannot be undone. */
static int write_line(const struct qmp *qmp, struct json_object *message, struct error *err)
{
	const char *text = json_object_to_json_string_ext(message, JSON_C_TO_STRING_PLAIN);
	char newline[] = "\n";
	struct iovec parts[2];
	struct msghdr header = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t length;

	if (!text)
		return error_set_errno(err, ENOMEM, "cannot send a command to QEMU");
	parts[0] = (struct iovec){ (char *)text, strlen(text) };
	parts[1] = (struct iovec){ newline, 1 };

	do
		length = sendmsg(qmp->fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (length < 0 && errno == EINTR);

	if (length < 0)
		return error_set_errno(err, errno, "cannot send a command to QEMU");
	if ((size_t)length != parts[0].iov_len + 1)
		return error_set_errno(err, EIO, "cannot send a command to QEMU");
	return 0;
}

static int send_command(struct qmp *qmp, const char *command, struct json_object *arguments,
			struct error *err)
{
	struct pending *pending = find_pending(qmp, 0);
	struct json_object *message;
	int ret;

	assert(strlen(command) < QMP_NAME_SIZE);

	if (!pending) {
		json_object_put(arguments);
		return error_set_errno(err, EBUSY, "cannot send '%s' to QEMU", command);
	}
	message = make_command(command, qmp->last_id + 1, arguments);
	if (!message)
		return error_set_errno(err, ENOMEM, "cannot send '%s' to QEMU", command);
	ret = qmp->fd < 0 ? 0 : write_line(qmp, message, err);
	json_object_put(message);
	if (ret < 0)
		return ret;

	pending->id = ++qmp->last_id;
	memcpy(pending->command, command, strlen(command) + 1);
	return 0;
}

int qmp_send(struct qmp *qmp, const char *command, struct json_object *arguments, struct error *err)
{
	if (qmp->state != QMP_READY) {
		json_object_put(arguments);
		return error_set_errno(err, ENOTCONN, "cannot send '%s' to QEMU", command);
	}
	return send_command(qmp, command, arguments, err);
}

/* Threat: QEMU sends control characters, and vmrun shows its text on a terminal. */
static void copy_printable(char *text, size_t size, const char *from)
{
	size_t i;

	for (i = 0; i + 1 < size && from[i]; i++)
		text[i] = (char)(isascii(from[i]) && isprint(from[i]) ? from[i] : '?');
	text[i] = '\0';
}

static int protocol_error(struct error *err, const char *what)
{
	return error_setf(err, STATUS_FAILURE, EPROTO, "QEMU's QMP sent %s", what);
}

static int handle_greeting(struct qmp *qmp, struct json_object *message, struct error *err)
{
	if (!json_member(message, "QMP", json_type_object))
		return protocol_error(err, "something before its greeting");
	qmp->state = QMP_CAPABILITIES;
	return send_command(qmp, CAPABILITIES, NULL, err);
}

static int handle_event(struct qmp *qmp, struct json_object *message, struct error *err)
{
	const char *name = json_object_get_string(json_member(message, "event", json_type_string));
	char printable[QMP_NAME_SIZE];

	if (!name)
		return protocol_error(err, "an event without a name");
	copy_printable(printable, sizeof(printable), name);
	if (qmp->ops->event)
		qmp->ops->event(printable, json_member(message, "data", json_type_object),
				qmp->context);
	return 0;
}

static void make_failure(struct json_object *message, const char *command, struct error *failure)
{
	struct json_object *error = json_member(message, "error", json_type_object);
	const char *text = json_object_get_string(json_member(error, "desc", json_type_string));
	char printable[ERROR_MESSAGE_SIZE];

	copy_printable(printable, sizeof(printable), text ? text : "no reason given");
	error_setf(failure, STATUS_FAILURE, EREMOTEIO, "QEMU refused '%s': %s", command, printable);
}

static int handle_capabilities(struct qmp *qmp, const struct error *failure, struct error *err)
{
	if (failure) {
		*err = *failure;
		return -failure->code;
	}
	qmp->state = QMP_READY;
	if (qmp->ops->ready)
		qmp->ops->ready(qmp->context);
	return 0;
}

static int handle_reply(struct qmp *qmp, struct json_object *message, struct error *err)
{
	int64_t id = json_object_get_int64(json_member(message, "id", json_type_int));
	struct pending *pending = id > 0 ? find_pending(qmp, id) : NULL;
	struct json_object *result = NULL;
	struct error failure = { 0 };
	struct pending done;

	if (!pending)
		return protocol_error(err, "a reply to no command");
	done = *pending;
	*pending = (struct pending){ 0 };
	if (!json_object_object_get_ex(message, "return", &result)) {
		make_failure(message, done.command, &failure);
		result = NULL;
	} else if (!result) {
		return protocol_error(err, "a reply without a value");
	}

	if (qmp->state == QMP_CAPABILITIES)
		return handle_capabilities(qmp, result ? NULL : &failure, err);
	if (qmp->ops->reply)
		qmp->ops->reply(done.command, result, result ? NULL : &failure, qmp->context);
	return 0;
}

static int handle_message(struct qmp *qmp, struct json_object *message, struct error *err)
{
	if (!json_object_is_type(message, json_type_object))
		return protocol_error(err, "a message that is not an object");
	if (qmp->state == QMP_GREETING)
		return handle_greeting(qmp, message, err);
	if (json_object_object_get_ex(message, "event", NULL))
		return handle_event(qmp, message, err);
	return handle_reply(qmp, message, err);
}

/* The QMP specification lets the server send ASCII only, so no text needs a check for UTF-8. */
static bool all_ascii(const char *bytes, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (!isascii(bytes[i]))
			return false;
	return true;
}

/* Parses @bytes up to the end of a message. Returns the number of bytes used, or an error. */
static ssize_t parse(struct qmp *qmp, const char *bytes, size_t size, struct error *err)
{
	struct json_object *message;
	size_t taken;
	int ret;

	if (size > READ_SIZE)
		size = READ_SIZE;
	message = json_tokener_parse_ex(qmp->tokener, bytes, (int)size);
	taken = json_tokener_get_parse_end(qmp->tokener);
	qmp->message_size += taken;

	switch (json_tokener_get_error(qmp->tokener)) {
	case json_tokener_continue:
		if (qmp->message_size > QMP_MESSAGE_MAX)
			return protocol_error(err, "a message that is too long");
		return (ssize_t)size;
	case json_tokener_success:
		break;
	default:
		return protocol_error(err, "invalid JSON");
	}
	ret = handle_message(qmp, message, err);
	json_object_put(message);
	qmp->message_size = 0;
	return ret < 0 ? ret : (ssize_t)taken;
}

int qmp_input(struct qmp *qmp, const char *bytes, size_t size, struct error *err)
{
	ssize_t taken;

	if (qmp->state == QMP_BROKEN)
		return protocol_error(err, "more after a protocol error");
	if (!all_ascii(bytes, size)) {
		qmp->state = QMP_BROKEN;
		return protocol_error(err, "a byte that is not ASCII");
	}
	while (size > 0) {
		taken = parse(qmp, bytes, size, err);
		if (taken < 0) {
			qmp->state = QMP_BROKEN;
			return (int)taken;
		}
		bytes += taken;
		size -= (size_t)taken;
	}
	return 0;
}

int qmp_receive(struct qmp *qmp, struct error *err)
{
	char bytes[READ_SIZE];
	ssize_t length;
	int ret;
	int i;

	for (i = 0; i < READS_MAX; i++) {
		length = recv(qmp->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && errno == EAGAIN)
			return 0;
		if (length < 0)
			return error_set_errno(err, errno, "cannot read from QEMU's QMP");
		if (length == 0)
			return error_setf(err, STATUS_FAILURE, ECONNRESET, "QEMU closed its QMP");
		ret = qmp_input(qmp, bytes, (size_t)length, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}
