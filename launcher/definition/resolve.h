// SPDX-License-Identifier: GPL-2.0-or-later
// What 'auto' stands for where it depends on nothing but the definition and this machine.
#ifndef LAUNCHER_DEFINITION_RESOLVE_H
#define LAUNCHER_DEFINITION_RESOLVE_H

#include "launcher/definition/definition.h"

#define MACHINE_ID_SIZE 256

/**
 * resolve_machine_id() - a text that is this machine's own and stays the same.
 * @id: machine-id(5); where there is none, such as in a container, the host's name.
 */
void resolve_machine_id(char id[MACHINE_ID_SIZE]);

/**
 * resolve_definition() - make uuid, mac and configure concrete.
 * @definition: read without errors.
 * @machine_id: of this machine.
 *
 * The uuid is the SHA-1 one (RFC 4122 section 4.3) of machine id, NUL, name. The MAC is derived
 * from the uuid: locally administered, unicast, the other 46 bits of a hash.
 */
void resolve_definition(struct definition *definition, const char *machine_id);

/**
 * resolve_disks() - what 'auto' stands for in 'mode' and 'device', before values are compared: by
 * the name of the image alone, so that it is the same before and after it is fetched.
 * @definition: as it was read, its images may be missing.
 */
void resolve_disks(struct definition *definition);

/* resolve_vsock() - set the number of 'vsock: auto', which the uuid gives. */
void resolve_vsock(struct definition *definition);

#endif
