// SPDX-License-Identifier: GPL-2.0-or-later
// Prints how to use a VM that has started.
#ifndef LAUNCHER_RUN_HINTS_H
#define LAUNCHER_RUN_HINTS_H

#include <netinet/in.h>

#include "launcher/run/run_state.h"

/**
 * hints_print() - print how to use the console, how to log in, which SSH key was made, and that the
 * guest is emulated. For a user at a terminal; a script knows, and a log needs none of it.
 * @ssh: the address of the guest's SSH server, or all zero if it has none.
 */
void hints_print(const struct run *run, const struct sockaddr_in *ssh);

#endif
