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
 * qemu_disk_add(), qemu_disk_add_seed() - add the arguments of the disks, of the seed.
 *
 * Return: 0, or -EINVAL for an unsafe value. If memory runs out, @argv->failed is set.
 */
int qemu_disk_add(const struct machine_plan *plan, struct argv *argv, struct error *err);
int qemu_disk_add_seed(const struct machine_plan *plan, struct argv *argv, struct error *err);

/**
 * qemu_disk_node() - make a node of QEMU's block graph, which has the format of a file.
 * @name: of the node.
 * @format: of the file; for DISK_FORMAT_AUTO the node has the word FORMAT.
 *
 * Return: the node, for qemu_disk_add_node().
 */
struct json_object *qemu_disk_node(const char *name, enum disk_format format, bool read_only,
				   struct argv *argv);

/**
 * qemu_disk_add_node() - add a node and its file to the command.
 * @node: this function takes ownership.
 * @driver: QEMU's driver for the file: "file" or "host_device".
 */
void qemu_disk_add_node(struct argv *argv, struct json_object *node, const char *driver,
			const char *path);

#endif
