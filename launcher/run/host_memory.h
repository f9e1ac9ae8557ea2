// SPDX-License-Identifier: GPL-2.0-or-later
// Compares the memory of a VM with what this host has free.
#ifndef LAUNCHER_RUN_HOST_MEMORY_H
#define LAUNCHER_RUN_HOST_MEMORY_H

#include <stdint.h>

#include "netsetup/base/error.h"

/**
 * host_memory_remedy() - add how much memory is free to the error of a QEMU that failed.
 * @needed: bytes of the guest's memory. If the host has as many, @err stays as it is.
 */
void host_memory_remedy(uint64_t needed, struct error *err);

#endif
