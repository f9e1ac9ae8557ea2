// SPDX-License-Identifier: GPL-2.0-or-later
// Wi-Fi: which interfaces are wireless, in which mode, and on which network (nl80211).
#ifndef NETSETUP_KERNEL_WIRELESS_H
#define NETSETUP_KERNEL_WIRELESS_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsetup/base/error.h"
#include "netsetup/kernel/interface.h"

/**
 * wireless_read() - fill in what concerns Wi-Fi in a table of interfaces.
 * @table: its wireless interfaces get their wireless, wireless_type and, when they are connected,
 *         ssid. A kernel without nl80211 (no Wi-Fi, a container) is no error; what sysfs calls
 *         wireless then is, with its mode and network unknown.
 * @err: what failed.
 *
 * Return: 0 or a negative errno.
 */
int wireless_read(struct interfaces *table, struct error *err);

/**
 * wireless_find_ssid() - ask for the network of a station whose driver does not tell it with its
 * interface, among the networks that it has heard.
 * @link: a wireless interface; its ssid stays empty when it is not connected.
 * @err: what failed.
 *
 * Return: 0 or a negative errno.
 */
int wireless_find_ssid(struct interface *link, struct error *err);

/* wireless_station() - whether it is a client of an access point, as far as is known. */
bool wireless_station(const struct interface *link);

/* wireless_mode() - "station", "access point", "monitor", ...; for a list. */
const char *wireless_mode(unsigned int wireless_type);

/**
 * wireless_add_interface() - take over what one message about a wireless interface tells.
 * @header: NL80211_CMD_NEW_INTERFACE, as an netlink_parse_fn gets it.
 * @table: struct interfaces.
 *
 * Return: 0, also when it is about none of the table, or -EBADMSG.
 */
int wireless_add_interface(struct nlmsghdr *header, void *table);

/**
 * wireless_add_network() - take over the SSID when a message is about the network to which an
 * interface is connected.
 * @header: NL80211_CMD_NEW_SCAN_RESULTS, as an netlink_parse_fn gets it.
 * @link: struct interface.
 *
 * Return: 0 or -EBADMSG.
 */
int wireless_add_network(struct nlmsghdr *header, void *link);

/**
 * wireless_ssid() - write an SSID as text.
 * @ssid: its octets, chosen by whoever runs the access point.
 * @length: how many.
 * @text: see printable(); empty for a hidden network (no octets, or only NULs).
 *
 * Return: 0, or -EBADMSG when there are more than the 32 of IEEE 802.11-2020, 9.4.2.2.
 */
int wireless_ssid(const uint8_t *ssid, size_t length, char text[SSID_TEXT_SIZE]);

/**
 * wireless_elements_ssid() - find the SSID in a frame's elements (IEEE 802.11-2020, 9.4.2.1: an
 * octet of id, one of length, that many octets).
 * @elements: as the air brought them: any octets.
 * @size: how many.
 * @text: as wireless_ssid(); untouched when there is none.
 *
 * Return: 0, -ENOENT when there is none, or -EBADMSG.
 */
int wireless_elements_ssid(const uint8_t *elements, size_t size, char text[SSID_TEXT_SIZE]);

#endif
