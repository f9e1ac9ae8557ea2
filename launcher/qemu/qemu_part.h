// SPDX-License-Identifier: GPL-2.0-or-later
// The parts of the QEMU command, one function for each subject; used by qemu.c alone.
#ifndef LAUNCHER_QEMU_QEMU_PART_H
#define LAUNCHER_QEMU_QEMU_PART_H

#include <json-c/json.h>
#include <stdbool.h>

#include "launcher/qemu/qemu.h"

/*
 * Each adds its arguments and returns 0, or -EINVAL with the error set. Memory that runs out is
 * noted in the vector.
 */
int qemu_add_disks(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_seed(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_network(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_rng(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_agent(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_shares(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_usb(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_vsock(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_ignition(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_credentials(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_console(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_firmware(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_tpm(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_display(const struct machine_plan *plan, struct argv *argv, struct error *err);

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

/* qemu_driver() - QEMU's name of an image's format; the word FORMAT for auto. */
const char *qemu_driver(enum disk_format format);

/*
 * qemu_firmware_options() - of -machine: the flash chips of a UEFI firmware; empty without one. SMM
 * is what keeps the system from writing the keys of secure boot itself.
 */
const char *qemu_firmware_options(const struct definition *definition);

/**
 * qemu_add_blockdev() - add a node of QEMU's block graph.
 * @node: as -blockdev has it, taken over.
 */
void qemu_add_blockdev(struct argv *argv, struct json_object *node);

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
