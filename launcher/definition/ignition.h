// SPDX-License-Identifier: GPL-2.0-or-later
// Ignition configurations, with which Fedora CoreOS, Flatcar and their kin are set up at their first boot.
#ifndef LAUNCHER_DEFINITION_IGNITION_H
#define LAUNCHER_DEFINITION_IGNITION_H

/* The most bytes that a configuration may have. */
#define IGNITION_SIZE_MAX (4 * 1024 * 1024)

/**
 * ignition_wrong() - what is wrong with a configuration.
 *
 * Ignition itself checks all of it, in the guest, which does not boot when it is not right. What is
 * checked here is what the wrong file would not have: JSON, with ignition.version (Ignition's
 * configuration specification, 1 to 3).
 * @path: of a regular file.
 *
 * Return: what to say after the file's name, a literal; NULL when nothing is wrong.
 */
const char *ignition_wrong(const char *path);

#endif
