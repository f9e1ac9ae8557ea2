// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for the disks and the NoCloud seed.
#ifndef LAUNCHER_QEMU_QEMU_DISK_H
#define LAUNCHER_QEMU_QEMU_DISK_H

#include <json-c/json.h>
#include <stdbool.h>

#include "launcher/common/argv.h"
#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/*
 * qemu_add_disks(), qemu_add_seed() - add the arguments of the disks, of the seed.
 *
 * Return: 0, or -EINVAL with the error set. Memory that runs out is noted in the vector.
 */
int qemu_add_disks(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_add_seed(const struct machine_plan *plan, struct argv *argv, struct error *err);

/**
 * qemu_disk_node() - begin a node of QEMU's block graph: what the bytes of a file mean.
 * @name: of the node.
 * @format: of the file; auto: the word FORMAT in its place.
 *
 * Return: the node, for qemu_disk_add_node().
 */
struct json_object *qemu_disk_node(const char *name, enum disk_format format, bool read_only,
				   struct argv *argv);

/**
 * qemu_disk_add_node() - add a node and the file below it.
 * @node: taken over.
 * @driver: how the file is read: "file" or "host_device".
 * @path: of the file.
 */
void qemu_disk_add_node(struct argv *argv, struct json_object *node, const char *driver,
			const char *path);

#endif
