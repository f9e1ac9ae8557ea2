// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the mode and network of Wi-Fi interfaces (nl80211).
#ifndef LAUNCHER_LAN_WIRELESS_H
#define LAUNCHER_LAN_WIRELESS_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/base/error.h"
#include "netsetup/kernel/interface.h"

/**
 * wireless_read() - set @wireless, @wireless_type and, if connected, @ssid of each Wi-Fi interface.
 * @table: from network_dump().
 *
 * A kernel without nl80211 (no Wi-Fi, a container) is no error: the interfaces that sysfs lists as
 * wireless then get @wireless alone.
 *
 * Return: 0 or a negative errno.
 */
int wireless_read(struct interfaces *table, struct error *err);

/**
 * wireless_find_ssid() - read the SSID from the scan results, for a driver that does not report it
 * with the interface.
 * @link: a Wi-Fi interface; its ssid stays empty if it is not connected.
 *
 * Return: 0 or a negative errno.
 */
int wireless_find_ssid(struct interface *link, struct error *err);

/* wireless_station() - true for a client of an access point, and for an unknown mode. */
bool wireless_station(const struct interface *link);

/* wireless_mode() - return the mode as text: "station", "access point", "monitor", ... */
const char *wireless_mode(unsigned int wireless_type);

/**
 * wireless_add_interface() - copy one message about a Wi-Fi interface to the table, if the table
 * has this interface (a netlink_parse_fn).
 * @header: NL80211_CMD_NEW_INTERFACE.
 * @table: struct interfaces.
 *
 * Return: 0 or -EBADMSG.
 */
int wireless_add_interface(struct nlmsghdr *header, void *table);

/**
 * wireless_add_network() - copy the SSID of a scan result if the interface is connected to this
 * network (a netlink_parse_fn).
 * @header: NL80211_CMD_NEW_SCAN_RESULTS.
 * @link: struct interface.
 *
 * Return: 0 or -EBADMSG.
 */
int wireless_add_network(struct nlmsghdr *header, void *link);

/**
 * wireless_ssid() - write an SSID as text.
 * @ssid: @length untrusted octets.
 * @text: from printable(); empty for a hidden network (no octets, or only NULs).
 *
 * Return: 0, or -EBADMSG if @length exceeds the 32 octets of IEEE 802.11-2020, 9.4.2.2.
 */
int wireless_ssid(const uint8_t *ssid, size_t length, char text[SSID_TEXT_SIZE]);

/**
 * wireless_elements_ssid() - find the SSID in a frame's elements (IEEE 802.11-2020, 9.4.2.1: an
 * octet of id, one of length, that many octets).
 * @elements: @size untrusted octets of a radio frame.
 * @text: as in wireless_ssid(); untouched on failure.
 *
 * Return: 0, -ENOENT if no element is an SSID, or -EBADMSG.
 */
int wireless_elements_ssid(const uint8_t *elements, size_t size, char text[SSID_TEXT_SIZE]);

#endif
