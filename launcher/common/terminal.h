// SPDX-License-Identifier: GPL-2.0-or-later
// The user's terminal: kept as it was, whatever QEMU does to it and however it ends.
#ifndef LAUNCHER_COMMON_TERMINAL_H
#define LAUNCHER_COMMON_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/**
 * struct terminal - what standard input, output and error were like.
 * @tty: standard input is a terminal, @modes are its.
 * @modes: see termios(3).
 * @flags: file status flags of the descriptors 0, 1 and 2; -1 for one that is closed.
 */
struct terminal {
	bool tty;
	struct termios modes;
	int flags[3];
};

/**
 * terminal_save() - remember the terminal's modes and the descriptors' flags.
 * @terminal: for terminal_restore().
 */
void terminal_save(struct terminal *terminal);

/**
 * terminal_restore() - make them as they were; may be called more than once.
 * @terminal: from terminal_save().
 *
 * The flags (O_NONBLOCK, which QEMU sets) belong to the open file that all who inherited it
 * share: without this the user's shell would see read errors. The modes are left alone when
 * another job has the terminal in the meantime: they are that job's. What has not changed is not
 * written.
 */
void terminal_restore(const struct terminal *terminal);

/**
 * terminal_mute() - take the questions out of what a guest wrote to the terminals of another time:
 * one that answered them now would be typing into the guest, or into the user's shell.
 * @bytes: the text; changed in place. What asks for reports goes, and all of a device's or the
 *         operating system's own strings (DCS, OSC and their kin), so that titles go, too.
 * @size: of it.
 *
 * Return: how much of it is left.
 */
size_t terminal_mute(char *bytes, size_t size);

#endif
