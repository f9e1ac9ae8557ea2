// SPDX-License-Identifier: GPL-2.0-or-later
// Fills an error where a call fails, for main() to print.
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
 * struct error - the cause of a failed call. A function that takes an @err fills it on failure;
 * after a success its content means nothing.
 * @code: positive errno value; 0 without a failure.
 * @message: lower case, objects in single quotes, the reason last, no full stop.
 * @remedy: steps for the user, one or more lines; may be empty.
 */
struct error {
	int code;
	enum exit_status status;
	char message[ERROR_MESSAGE_SIZE];
	char remedy[ERROR_REMEDY_SIZE];
};

/**
 * error_set_errno() - fill an error with a message and the text of an errno value.
 * @code: positive errno value. Its text is appended (": Operation not permitted"). EPERM and
 *        EACCES set STATUS_PERMISSION, all others STATUS_FAILURE.
 *
 * Return: -code, so that a caller can `return error_set_errno(...)`.
 */
int error_set_errno(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * error_setf() - fill an error with a message that states the reason itself.
 * @code: positive errno value, for callers to test; its text is not shown.
 *
 * Return: -code.
 */
int error_setf(struct error *err, enum exit_status status, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * error_remedy() - add a line to the remedy of an error that was set.
 * @format: printf format of one line, without newline.
 */
void error_remedy(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* error_context() - put a context before the message of a set error: "context: message". */
void error_context(struct error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
