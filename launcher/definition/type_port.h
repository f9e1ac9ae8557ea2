// SPDX-License-Identifier: GPL-2.0-or-later
// Ports of this host that lead to a guest in QEMU's own network.
#ifndef LAUNCHER_DEFINITION_TYPE_PORT_H
#define LAUNCHER_DEFINITION_TYPE_PORT_H

#include <netinet/in.h>
#include <stdbool.h>

#include "launcher/definition/definition.h"
#include "launcher/yaml/schema.h"

/* "255.255.255.255:65535:65535/udp" with its NUL. */
#define TYPE_PORT_TEXT_SIZE 34

/* An entry: "[ADDRESS:]HOST:GUEST[/tcp|/udp]"; its target is a struct port. */
extern const struct type type_port;

/* type_port_parse() - read an entry; @port is untouched when it is none. */
bool type_port_parse(const char *text, struct port *port);

/* type_port_text() - the entry in full; returns text. */
const char *type_port_text(const struct port *port, char text[TYPE_PORT_TEXT_SIZE]);

/* type_port_same() - whether two cannot both be listened on. */
bool type_port_same(const struct port *one, const struct port *other);

/**
 * type_port_ssh() - whether an entry leads to the guest's SSH server.
 * @port: the entry.
 * @ssh: then filled in with where it is to be found on this host.
 */
bool type_port_ssh(const struct port *port, struct sockaddr_in *ssh);

/* type_port_find_ssh() - the same for the first entry of a definition that does. */
bool type_port_find_ssh(const struct definition *definition, struct sockaddr_in *ssh);

#endif
