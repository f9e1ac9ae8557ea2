// SPDX-License-Identifier: GPL-2.0-or-later
// One error: made at the place that knows the object, printed once, by main.
#ifndef NETSETUP_BASE_ERROR_H
#define NETSETUP_BASE_ERROR_H

/* Sizes of the texts with their terminating NUL; a longer text ends in "...". */
#define ERROR_MESSAGE_SIZE 512
#define ERROR_REMEDY_SIZE  1024

/* vmrun's exit statuses, vmrun(1). */
enum exit_status {
	STATUS_OK = 0,
	STATUS_FAILURE = 1, /* a failure of the VM or the network */
	STATUS_USAGE = 2,
	STATUS_DEFINITION = 3, /* the definition is invalid */
	STATUS_PERMISSION = 4,
	STATUS_NETWORK = 5,  /* no usable uplink or no free address */
	STATUS_SIGNAL = 128, /* plus the signal's number */
};

/**
 * struct error - why a call failed.
 * @code: errno value, positive; 0 when nothing failed.
 * @status: the exit status it leads to.
 * @message: lower case, objects in single quotes, the reason last, no full stop.
 * @remedy: what the user can do, one or more lines, or empty.
 */
struct error {
	int code;
	enum exit_status status;
	char message[ERROR_MESSAGE_SIZE];
	char remedy[ERROR_REMEDY_SIZE];
};

/**
 * error_set_errno() - fill an error with a message and the text of an errno value.
 * @err: the error; what it held is overwritten.
 * @code: errno value, positive. Its text is appended (": Operation not permitted"). EPERM and
 *        EACCES lead to STATUS_PERMISSION, all others to STATUS_FAILURE.
 * @format: printf format of the message.
 *
 * Return: -code, so that a caller can `return error_set_errno(...)`.
 */
int error_set_errno(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * error_setf() - fill an error whose message is complete by itself.
 * @err: the error.
 * @status: the exit status.
 * @code: errno value, positive, for the program; its text is not shown.
 * @format: printf format of the message.
 *
 * Return: -code.
 */
int error_setf(struct error *err, enum exit_status status, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * error_remedy() - add a line that says what the user can do.
 * @err: an error that was set.
 * @format: printf format of one line, without newline; further calls add further lines.
 */
void error_remedy(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * error_context() - put what the caller knows more before the message ("context: message").
 * @err: an error that was set.
 * @format: printf format of the context.
 */
void error_context(struct error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
