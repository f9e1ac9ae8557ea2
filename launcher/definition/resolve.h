// SPDX-License-Identifier: GPL-2.0-or-later
// Resolves 'auto' where it depends only on the definition and this machine.
#ifndef LAUNCHER_DEFINITION_RESOLVE_H
#define LAUNCHER_DEFINITION_RESOLVE_H

#include "launcher/definition/definition.h"

#define RESOLVE_MACHINE_ID_SIZE 256

/**
 * resolve_machine_id() - get a text that identifies this machine and stays the same.
 * @id: the machine-id(5), or the host name if there is none, as in a container.
 */
void resolve_machine_id(char id[RESOLVE_MACHINE_ID_SIZE]);

/**
 * resolve_definition() - resolve 'auto' in uuid, mac, vsock and configure.
 * @definition: a definition that was read without errors.
 * @machine_id: id of this machine.
 *
 * The uuid is the SHA-1 UUID (RFC 4122 section 4.3) of machine id, NUL, name. A MAC is derived from
 * the uuid: locally administered, unicast, the other 46 bits from a hash.
 */
void resolve_definition(struct definition *definition, const char *machine_id);

/**
 * resolve_disks() - resolve 'auto' in 'mode' and 'device' of disks, before values are compared. It
 * uses only the name of an image: the result must be the same before and after the download.
 * @definition: as it was read; images may be missing.
 */
void resolve_disks(struct definition *definition);

/* resolve_vsock() - derive the number of 'vsock: auto' from the uuid. */
void resolve_vsock(struct definition *definition);

#endif
