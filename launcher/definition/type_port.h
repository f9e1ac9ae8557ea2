// SPDX-License-Identifier: GPL-2.0-or-later
// Reads entries of 'ports', which QEMU forwards to the guest.
#ifndef LAUNCHER_DEFINITION_TYPE_PORT_H
#define LAUNCHER_DEFINITION_TYPE_PORT_H

#include <netinet/in.h>
#include <stdbool.h>

#include "launcher/definition/definition.h"
#include "launcher/yaml/schema.h"

/* Size of "255.255.255.255:65535:65535/udp" with its NUL. */
#define TYPE_PORT_TEXT_SIZE 34

/* Entry "[ADDRESS:]HOST:GUEST[/tcp|/udp]"; its target is a struct port. */
extern const struct type type_port;

/* type_port_parse() - read an entry; false, and @port unchanged, if the text is invalid. */
bool type_port_parse(const char *text, struct port *port);

/* type_port_text() - write an entry with all its parts; returns @text. */
const char *type_port_text(const struct port *port, char text[TYPE_PORT_TEXT_SIZE]);

/* type_port_same() - true if a host cannot listen on both. */
bool type_port_same(const struct port *one, const struct port *other);

/**
 * type_port_ssh() - true if an entry forwards to the guest's SSH server.
 * @ssh: then the address and port on this host to connect to.
 */
bool type_port_ssh(const struct port *port, struct sockaddr_in *ssh);

/* type_port_find_ssh() - the same for the first such entry of a definition. */
bool type_port_find_ssh(const struct definition *definition, struct sockaddr_in *ssh);

#endif
