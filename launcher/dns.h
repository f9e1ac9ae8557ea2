// SPDX-License-Identifier: GPL-2.0-or-later
// The uplink's real DNS servers, which the guest can ask too.
#ifndef LAUNCHER_DNS_H
#define LAUNCHER_DNS_H

#include <netinet/in.h>

#include "netsetup/protocol.h"

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

#endif
