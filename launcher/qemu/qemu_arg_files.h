// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the files that the user's arguments for QEMU name.
#ifndef LAUNCHER_QEMU_QEMU_ARG_FILES_H
#define LAUNCHER_QEMU_QEMU_ARG_FILES_H

#include "launcher/definition/definition.h"
#include "netsetup/base/ruleset.h"

/**
 * qemu_arg_files_allow() - allow QEMU the files of 'qemu.files' and those that 'qemu.args' names.
 *
 * An argument is split at each of the separators of QEMU's syntaxes. A part names a file if the
 * file exists. A part with a '/' whose file does not exist names a file that QEMU makes, in a
 * directory that QEMU may then change; but no directory above the user's files.
 *
 * Return: 0 or a negative errno.
 */
int qemu_arg_files_allow(const struct definition *definition, const struct ruleset *ruleset,
			 struct error *err);

/* qemu_arg_files_have() - return true if a part of an argument is the word. */
bool qemu_arg_files_have(const struct definition *definition, const char *word);

#endif
