// SPDX-License-Identifier: GPL-2.0-or-later
// Ports of this host that lead to a guest in QEMU's own network.
#ifndef LAUNCHER_DEFINITION_TYPE_PORT_H
#define LAUNCHER_DEFINITION_TYPE_PORT_H

#include <netinet/in.h>
#include <stdbool.h>

#include "launcher/definition/definition.h"
#include "launcher/yaml/schema.h"
#include "netsetup/base/error.h"

/* "255.255.255.255:65535:65535/udp" with its NUL. */
#define PORT_TEXT_SIZE 34

/* An entry: "[ADDRESS:]HOST:GUEST[/tcp|/udp]"; its target is a struct port. */
extern const struct type type_port;

/* port_parse() - read an entry; @port is untouched when it is none. */
bool port_parse(const char *text, struct port *port);

/* port_text() - the entry in full; returns text. */
const char *port_text(const struct port *port, char text[PORT_TEXT_SIZE]);

/* port_same() - whether two cannot both be listened on. */
bool port_same(const struct port *one, const struct port *other);

/**
 * ports_check() - whether this user may listen on all ports of a definition, now.
 *
 * QEMU's own message does not say why not.
 * @definition: the VM.
 * @err: names the port; STATUS_PERMISSION, or STATUS_FAILURE when somebody else has it.
 *
 * Return: 0 or a negative errno.
 */
int ports_check(const struct definition *definition, struct error *err);

/**
 * port_ssh() - whether an entry leads to the guest's SSH server.
 * @port: the entry.
 * @ssh: then filled in with where it is to be found on this host.
 */
bool port_ssh(const struct port *port, struct sockaddr_in *ssh);

/* ports_ssh() - the same for the first entry of a definition that does. */
bool ports_ssh(const struct definition *definition, struct sockaddr_in *ssh);

#endif
