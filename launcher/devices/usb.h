// SPDX-License-Identifier: GPL-2.0-or-later
// USB devices of the host that are handed to the guest, known by vendor and product.
#ifndef LAUNCHER_DEVICES_USB_H
#define LAUNCHER_DEVICES_USB_H

#include "launcher/definition/definition.h"

/**
 * usb_check() - whether each device of a definition is plugged in, and this user may use it.
 * @definition: the VM.
 * @devices: where the kernel lists them, /sys/bus/usb/devices.
 * @nodes: where they are opened, /dev/bus/usb.
 * @err: with the devices that there are, or the rule that gives the user this one.
 *
 * Return: 0 or a negative errno.
 */
int usb_check(const struct definition *definition, const char *devices, const char *nodes,
	      struct error *err);

#endif
