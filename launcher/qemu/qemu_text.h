// SPDX-License-Identifier: GPL-2.0-or-later
// Checks and escapes the values of QEMU's arguments.
#ifndef LAUNCHER_QEMU_QEMU_TEXT_H
#define LAUNCHER_QEMU_QEMU_TEXT_H

#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/**
 * qemu_text_check() - check that a value is UTF-8 without control characters.
 * @key: the value's key in the definition, for the message.
 * @value: may be NULL, which is valid.
 *
 * Return: 0 or -EINVAL.
 */
int qemu_text_check(const char *key, const char *value, struct error *err);

/*
 * qemu_text_check_word() - check that a value is a name in QEMU: one or more of [A-Za-z0-9._+-],
 * the first not '-'. So it has no separator of any of QEMU's syntaxes.
 */
int qemu_text_check_word(const char *key, const char *value, struct error *err);

/**
 * qemu_text_socket_path() - return the path of a socket in the VM's runtime directory.
 * @name: of the socket.
 * @escaped: the path with its commas doubled; the caller frees it.
 *
 * Return: 0 or a negative errno.
 */
int qemu_text_socket_path(const struct machine_plan *plan, const char *name, char **escaped,
			  struct error *err);

/**
 * qemu_text_escape() - double the commas of a value for QEMU's option syntax (get_opt_value() of
 * util/qemu-option.c). An '=' in a value needs no escape.
 *
 * Return: the text, which the caller frees, or NULL if memory ran out.
 */
char *qemu_text_escape(const char *value);

#endif
