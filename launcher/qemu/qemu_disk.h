// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for the disks and the NoCloud seed.
#ifndef LAUNCHER_QEMU_QEMU_DISK_H
#define LAUNCHER_QEMU_QEMU_DISK_H

#include <json-c/json.h>

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

/* qemu_driver() - QEMU's name of an image's format; the word FORMAT for auto. */
const char *qemu_driver(enum disk_format format);

/**
 * qemu_add_blockdev() - add a node of QEMU's block graph.
 * @node: as -blockdev has it, taken over.
 */
void qemu_add_blockdev(struct argv *argv, struct json_object *node);

#endif
