// SPDX-License-Identifier: GPL-2.0-or-later
// Checks and escapes the values of QEMU's arguments.
#ifndef LAUNCHER_QEMU_QEMU_TEXT_H
#define LAUNCHER_QEMU_QEMU_TEXT_H

#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/**
 * qemu_check_text() - whether a value can stand in QEMU's command: UTF-8, no controls.
 * @key: the value's key in the definition, for the message.
 * @value: the value, or NULL, which is fine.
 * @err: names the key.
 *
 * Return: 0 or -EINVAL.
 */
int qemu_check_text(const char *key, const char *value, struct error *err);

/*
 * qemu_check_word() - the same for a value that names one thing of QEMU's: [A-Za-z0-9._+-], at
 * least one and not '-' first, so that it has no separator of any syntax.
 */
int qemu_check_word(const char *key, const char *value, struct error *err);

/**
 * qemu_socket_path() - the path of a socket in the VM's runtime directory, its commas doubled.
 * @plan: the VM.
 * @name: of the socket.
 * @escaped: the path, allocated.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int qemu_socket_path(const struct machine_plan *plan, const char *name, char **escaped,
		     struct error *err);

/**
 * qemu_escape() - double the commas of a value, as QEMU's option syntax wants them (get_opt_value()
 * of util/qemu-option.c); an '=' in a value stands for itself.
 * @value: the value.
 *
 * Return: the text, allocated, or NULL when memory ran out.
 */
char *qemu_escape(const char *value);

#endif
