// SPDX-License-Identifier: GPL-2.0-or-later
// The uplink's real DNS servers, which the guest can ask too, and the domains to search.
#ifndef LAUNCHER_LAN_DNS_H
#define LAUNCHER_LAN_DNS_H

#include <netinet/in.h>
#include <stdbool.h>

#include "netsetup/protocol/protocol.h"

/**
 * dns_find() - the servers that this machine asks, as far as a guest can ask them: IPv4, no stub on
 * a loopback address, none twice.
 *
 * Looked for in /run/systemd/resolve/resolv.conf, /run/NetworkManager/no-stub-resolv.conf and
 * /etc/resolv.conf; the first that names such a server is used. A file that cannot be read, is no
 * regular file or is malformed counts as one without servers.
 * @root: directory that has these files; "" for this machine's own.
 * @router: the LAN's, used when no file names a server; 0.0.0.0 for none.
 * @dns: the servers, in the file's order.
 *
 * Return: how many, 0..DNS_MAX.
 */
unsigned int dns_find(const char *root, struct in_addr router, struct in_addr dns[DNS_MAX]);

#define DNS_SEARCH_MAX 6   /* as many as every resolver takes; resolv.conf(5) */
#define DNS_NAME_SIZE  254 /* a name's text (RFC 1035 section 2.3.4), with its NUL */

/**
 * dns_domain_valid() - whether text is the name of a domain as hosts may have it (RFC 952, RFC 1123
 * section 2.1): labels of letters, digits and inner hyphens, the last not a number, no dot at the
 * end. It comes from strangers and goes into shell scripts of guests: nothing else is let through.
 */
bool dns_domain_valid(const char *text);

/**
 * dns_find_search() - the domains in which this machine looks names up: those of the file whose
 * servers dns_find() takes, or, when no file names a server, of the first that has any.
 *
 * As in resolv.conf(5), the last line that begins with 'search' or 'domain' counts. Names that are
 * not dns_domain_valid() are left out, those that come again too; one dot at the end is taken off.
 * @root: as above.
 * @search: the domains, in the file's order.
 *
 * Return: how many, 0..DNS_SEARCH_MAX.
 */
unsigned int dns_find_search(const char *root, char search[DNS_SEARCH_MAX][DNS_NAME_SIZE]);

#endif
