// SPDX-License-Identifier: GPL-2.0-or-later
// Checks an Ignition configuration, which sets up systems such as Fedora CoreOS.
#ifndef LAUNCHER_DEFINITION_IGNITION_H
#define LAUNCHER_DEFINITION_IGNITION_H

/* Maximum size in bytes. */
#define IGNITION_SIZE_MAX (4 * 1024 * 1024)

/**
 * ignition_wrong() - check that a file is an Ignition configuration.
 *
 * Ignition checks all of it in the guest, which does not boot with an invalid one. This check finds
 * the wrong file: a configuration is JSON with ignition.version (Ignition's configuration
 * specification, 1 to 3).
 * @path: must be a regular file.
 *
 * Return: NULL if it is one, else the rest of a message that begins with the file's name; static.
 */
const char *ignition_wrong(const char *path);

#endif
