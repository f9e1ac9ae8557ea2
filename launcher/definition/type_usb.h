// SPDX-License-Identifier: GPL-2.0-or-later
// Reads entries of 'usb': a vendor and a product.
#ifndef LAUNCHER_DEFINITION_TYPE_USB_H
#define LAUNCHER_DEFINITION_TYPE_USB_H

#include <stdbool.h>
#include <stdint.h>

#include "launcher/yaml/schema.h"

/* Entry such as "046d:c52b"; its target is a struct usb_id. */
extern const struct type type_usb;

/* type_usb_number() - read the four hexadecimal digits at the beginning of a text. */
bool type_usb_number(const char *text, uint16_t *number);

#endif
