// SPDX-License-Identifier: GPL-2.0-or-later
// Saves and restores the terminal; removes control sequences that a terminal would answer.
#ifndef LAUNCHER_COMMON_TERMINAL_H
#define LAUNCHER_COMMON_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/**
 * struct terminal - the saved state of standard input, output and error.
 * @tty: true if standard input is a terminal; @modes are its modes, see termios(3).
 * @flags: file status flags of the descriptors 0, 1 and 2; -1 for a closed one.
 */
struct terminal {
	bool tty;
	struct termios modes;
	int flags[3];
};

/* terminal_save() - save the terminal's modes and the descriptors' flags. */
void terminal_save(struct terminal *terminal);

/**
 * terminal_restore() - restore the changed modes and flags; may be called more than once.
 *
 * The flags (QEMU sets O_NONBLOCK) belong to the open file, which the user's shell shares: without
 * this the shell would see read errors. If another job is in the foreground by now, the modes are
 * that job's and do not change.
 */
void terminal_restore(const struct terminal *terminal);

/* terminal_width() - return the columns of a terminal, or 0 if @fd is none. */
unsigned int terminal_width(int fd);

/**
 * terminal_mute() - remove terminal queries from a guest's old output. Threat: a terminal that
 * shows it answers them, and the answers become input of the guest or of the user's shell.
 * @bytes: the text; changed in place. Removes queries, and all DCS, OSC, SOS, PM and APC strings,
 *         titles among them.
 *
 * Return: the size that is left.
 */
size_t terminal_mute(char *bytes, size_t size);

#endif
