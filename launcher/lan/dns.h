// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the uplink's real DNS servers and search domains for the guest.
#ifndef LAUNCHER_LAN_DNS_H
#define LAUNCHER_LAN_DNS_H

#include <netinet/in.h>
#include <stdbool.h>

#include "launcher/definition/definition.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/protocol/protocol.h"

/**
 * dns_find() - find the host's DNS servers that a guest can query: IPv4, no stub on a loopback
 * address, none twice.
 *
 * Reads /run/systemd/resolve/resolv.conf, /run/NetworkManager/no-stub-resolv.conf and
 * /etc/resolv.conf; the first that names such a server is used. A file that cannot be read, is no
 * regular file or is malformed counts as one without servers.
 * @root: directory that has these files; "" for the host's own.
 * @router: the LAN's, used if no file names a server; 0.0.0.0 for none.
 * @dns: the servers, in the file's order.
 *
 * Return: their number, 0..DNS_MAX.
 */
unsigned int dns_find(const char *root, struct in_addr router, struct in_addr dns[DNS_MAX]);

/**
 * dns_prefer() - put the servers first that this host reaches through the uplink: the guest reaches
 * no others of private addresses, such as a VPN's. If there is none, the LAN's router comes first.
 * @dns: @count servers.
 * @uplink: index of the uplink.
 * @router: the LAN's; 0.0.0.0 for none.
 *
 * Return: their number, 0..DNS_MAX.
 */
unsigned int dns_prefer(struct in_addr dns[DNS_MAX], unsigned int count, unsigned int uplink,
			struct in_addr router);

#define DNS_SEARCH_MAX SEARCH_MAX
#define DNS_NAME_SIZE  SCALAR_DOMAIN_SIZE

/**
 * dns_find_search() - find the host's search domains: those of the file whose servers dns_find()
 * takes, or, if no file names a server, of the first that has any.
 *
 * As in resolv.conf(5), the last line that begins with 'search' or 'domain' counts. Duplicates and
 * names that are not scalar_domain() are left out; one dot at the end is removed.
 * @root: as above.
 * @search: the domains, in the file's order.
 *
 * Return: their number, 0..DNS_SEARCH_MAX.
 */
unsigned int dns_find_search(const char *root, char search[DNS_SEARCH_MAX][DNS_NAME_SIZE]);

#endif
