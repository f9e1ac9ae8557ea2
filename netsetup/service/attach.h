// SPDX-License-Identifier: GPL-2.0-or-later
// Attaches VMs to the LAN, moves them, and takes them away.
#ifndef NETSETUP_SERVICE_ATTACH_H
#define NETSETUP_SERVICE_ATTACH_H

#include "netsetup/service/state.h"

/*
 * Theory of operation: a request goes on in steps, since probes take time. A step returns
 * ATTACH_DONE when the VM is on the LAN, ATTACH_PENDING if it waits for the worker, or a negative
 * errno. Each step looks at the host and the policy anew.
 */

#define ATTACH_PENDING 0
#define ATTACH_DONE    1

/**
 * attach_begin() - begin to attach a VM.
 * @vm: of the state's list, with its client and its request, which was checked.
 *
 * A VM of the same user, name and card whose client was lost is replaced by this one, which keeps
 * its tap if the request names that.
 *
 * Return: see above. After a failure the caller must call attach_end().
 */
int attach_begin(struct state *state, struct vm *vm, struct error *err);

/**
 * attach_move() - make everything true for the VM's changed request.
 *
 * Return: see above. After -EACCES the VM is off the LAN.
 */
int attach_move(struct state *state, struct vm *vm, struct error *err);

/* attach_withdraw() - take the VM off the LAN; its tap stays. */
void attach_withdraw(struct state *state, struct vm *vm);

/* attach_check() - withdraw each VM whose uplink lost its carrier, and whose client did nothing. */
void attach_check(struct state *state);

/**
 * attach_answered() - use the worker's answer, WORKER_PROBED or WORKER_FOUND; see ask.h for
 * WORKER_ASKED.
 * @vm: the VM of @message, which must wait for it.
 *
 * Return: see above.
 */
int attach_answered(struct state *state, struct vm *vm, const struct worker_message *message,
		    struct error *err);

/**
 * attach_asked() - go on with a new VM after the kernel's answer, on the path that it calls for.
 * @vm: has the answer; see ask.h.
 *
 * Return: see above. After a failure the caller must call attach_end().
 */
int attach_asked(struct state *state, struct vm *vm, struct error *err);

/**
 * attach_restore() - make a VM of the state file whole after a restart.
 * @off: the VM is off the LAN, and stays so.
 *
 * Return: see above.
 */
int attach_restore(struct state *state, struct vm *vm, bool off, struct error *err);

/**
 * attach_end() - undo all that a VM has, and remove it from the state; the caller frees it.
 *
 * Return: 0 or a negative errno.
 */
int attach_end(struct state *state, struct vm *vm, struct error *err);

#endif
