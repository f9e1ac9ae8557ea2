// SPDX-License-Identifier: GPL-2.0-or-later
// Stores a VM's last addresses, one for each network, for reuse.
#include "launcher/lan/address_history.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/arp.h"

/* Card 0 has the first name, which has no number. */
#define FILE_FORMAT "%s/addresses%s%s"

/* A line has address, router's hardware address and SSID; in former versions the address alone. */
#define LINE_SIZE (IPV4_TEXT_SIZE + ARP_MAC_TEXT_SIZE + SSID_TEXT_SIZE)

static const struct ether_addr unknown;

static char *state_directory(const char *name)
{
	struct error ignored;
	char *path;

	return xdg_dir(XDG_STATE, name, &path, &ignored) < 0 ? NULL : path;
}

/* @suffix: of the name; "" for the file itself. */
static char *file_path(const char *directory, unsigned int card, const char *suffix)
{
	char number[16] = "";

	if (card)
		snprintf(number, sizeof(number), ".%u", card);
	return text_format(FILE_FORMAT, directory, number, suffix);
}

static bool mac_known(const struct address_entry *entry)
{
	return memcmp(&entry->router_mac, &unknown, sizeof(unknown)) != 0;
}

static bool mac_equal(const struct address_entry *a, const struct address_entry *b)
{
	return !memcmp(&a->router_mac, &b->router_mac, sizeof(unknown));
}

/* Reads a line without its end; the rest of a line of the second form is the SSID. */
static bool parse_line(char *line, struct address_entry *entry)
{
	char *mac = strchr(line, ' '), *ssid = mac ? strchr(mac + 1, ' ') : NULL;

	*entry = (struct address_entry){ 0 };
	if (mac)
		*mac++ = '\0';
	if (ssid)
		*ssid++ = '\0';
	if (!ipv4_parse(line, &entry->address) || !ipv4_unicast(entry->address))
		return false;
	if (!mac)
		return true;
	if (!ssid || !scalar_mac(mac, &entry->router_mac) || strlen(ssid) >= sizeof(entry->ssid))
		return false;
	memcpy(entry->ssid, ssid, strlen(ssid) + 1);
	return true;
}

void address_history_load(const char *name, unsigned int card, struct address_history *history)
{
	cleanup_free char *directory = state_directory(name);
	cleanup_free char *path = NULL;
	cleanup_file FILE *file = NULL;
	struct address_entry entry;
	char line[LINE_SIZE + 1];
	size_t count = 0;

	*history = (struct address_history){ 0 };
	path = directory ? file_path(directory, card, "") : NULL;
	if (!path)
		return;
	file = fopen(path, "re");
	while (file && count < REMEMBERED_MAX && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (parse_line(line, &entry))
			history->entries[count++] = entry;
	}
}

static bool write_file(const char *path, const struct address_history *history)
{
	cleanup_file FILE *file = fopen(path, "we");
	char address[IPV4_TEXT_SIZE], mac[ARP_MAC_TEXT_SIZE];

	if (!file)
		return false;
	for (size_t i = 0; i < REMEMBERED_MAX; i++) {
		const struct address_entry *entry = &history->entries[i];

		if (!ipv4_unset(entry->address))
			fprintf(file, "%s %s %s\n", ipv4_text(entry->address, address),
				arp_mac_text(&entry->router_mac, mac), entry->ssid);
	}
	return fflush(file) == 0 && !ferror(file);
}

static void save(const char *name, unsigned int card, const struct address_history *history)
{
	cleanup_free char *directory = state_directory(name);
	cleanup_free char *fresh = NULL;
	cleanup_free char *path = NULL;
	struct error ignored;

	if (!directory || xdg_make(directory, &ignored) < 0)
		return;
	path = file_path(directory, card, "");
	fresh = file_path(directory, card, ".new");
	if (!path || !fresh)
		return;
	if (!write_file(fresh, history) || rename(fresh, path) < 0)
		unlink(fresh);
}

/*
 * Returns true if two entries of one subnet are of the same network. An entry without any identity
 * may be of another one: it stays, unless the address shows that it is the same.
 */
static bool same_network(const struct address_entry *a, const struct address_entry *b)
{
	if (mac_known(a) && mac_known(b))
		return mac_equal(a, b);
	if (a->ssid[0] && b->ssid[0])
		return !strcmp(a->ssid, b->ssid);
	if (ipv4_equal(a->address, b->address))
		return true;
	return !mac_known(a) && !mac_known(b) && !a->ssid[0] && !b->ssid[0];
}

void address_history_store(const char *name, unsigned int card, const struct address_entry *entry,
			   unsigned int prefix_length, struct address_history *history)
{
	const struct prefix prefix = { entry->address, prefix_length };
	const struct address_history old = *history;
	const struct address_entry *first = &old.entries[0];
	size_t count = 1;

	/* An unknown router does not replace a known one. */
	if (ipv4_equal(first->address, entry->address) && !strcmp(first->ssid, entry->ssid) &&
	    (mac_equal(first, entry) || !mac_known(entry)))
		return;
	*history = (struct address_history){ .entries = { *entry } };
	for (size_t i = 0; i < REMEMBERED_MAX && count < REMEMBERED_MAX; i++) {
		const struct address_entry *other = &old.entries[i];

		if (!ipv4_unset(other->address) &&
		    !(ipv4_prefix_contains(&prefix, other->address) && same_network(other, entry)))
			history->entries[count++] = *other;
	}
	save(name, card, history);
}

/* Returns true if the SSIDs show that the entry is of another network. */
static bool is_elsewhere(const struct address_entry *entry, const char *ssid)
{
	return entry->ssid[0] && ssid[0] && strcmp(entry->ssid, ssid) != 0;
}

void address_history_fill(const struct address_history *history, const char *ssid,
			  struct attach_record *attach)
{
	size_t count = 0;

	memset(attach->remembered, 0, sizeof(attach->remembered));
	memset(attach->remembered_routers, 0, sizeof(attach->remembered_routers));
	for (int elsewhere = 0; elsewhere <= 1; elsewhere++)
		for (size_t i = 0; i < REMEMBERED_MAX; i++) {
			const struct address_entry *entry = &history->entries[i];

			if (ipv4_unset(entry->address) || is_elsewhere(entry, ssid) != elsewhere)
				continue;
			attach->remembered[count] = entry->address;
			attach->remembered_routers[count++] = entry->router_mac;
		}
}
