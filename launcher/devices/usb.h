// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the host's USB devices that a guest gets, by vendor and product.
#ifndef LAUNCHER_DEVICES_USB_H
#define LAUNCHER_DEVICES_USB_H

#include "launcher/definition/definition.h"

/**
 * usb_check() - check that each device of a definition is plugged in and this user may use it.
 * @devices: the kernel's list, /sys/bus/usb/devices.
 * @nodes: the directory of device nodes, /dev/bus/usb.
 * @err: the remedy lists the devices, or has the udev rule that gives the user access.
 *
 * Return: 0 or a negative errno.
 */
int usb_check(const struct definition *definition, const char *devices, const char *nodes,
	      struct error *err);

#endif
