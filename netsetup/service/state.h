// SPDX-License-Identifier: GPL-2.0-or-later
// Has the state of all VMs of this network namespace, and its copy in a file.
#ifndef NETSETUP_SERVICE_STATE_H
#define NETSETUP_SERVICE_STATE_H

#include "netsetup/keeper/keeper.h"
#include "netsetup/service/tables.h"
#include "netsetup/service/uplink_values.h"
#include "netsetup/service/vm.h"
#include "netsetup/service/worker_link.h"

/*
 * Theory of operation: one process for each network namespace has the state of all its VMs, and a
 * lock on the directory of netns_dir() for its lifetime. The file "state" there serves its own
 * restart alone. It is written before the change that it describes, to a new file that is renamed.
 *
 * The next service may be of another version, and no VM is interrupted by that. So the header has
 * the size of each part of the file: of the header itself, an uplink's record, a VM's record, and
 * its request. A part grows at its end only, and zero there means what was true before. A reader
 * takes of each part what it knows; what the file lacks is zero.
 */

/**
 * struct state - the state.
 * @dir: the locked directory; -1 in a process that can only do dry runs.
 * @maker: socket to the maker; 0 in a process that can only do dry runs, or makes changes itself.
 * @once: the service ends with its last VM.
 * @vms: list of all VMs.
 * @last_id: highest number of a VM so far.
 * @own_macs: hardware addresses that uplinks have or had, the latest first, then zero.
 * @swept: true if the leftovers of dead services were removed.
 * @ruleset: socket of ask_listen(); 0: none.
 * @questioned: monotonic_ms() of the last question of a client for no VM.
 * @unclean: true if something could not be undone, so that the next service sweeps.
 * @waiting: number of connections without a VM, which need the directory.
 */
struct state {
	int dir;
	struct keeper keeper;
	int maker;
	struct worker_link worker;
	bool once;
	struct vm *vms;
	uint32_t last_id;
	struct ether_addr own_macs[OWN_MACS_MAX];
	bool swept;
	int ruleset;
	uint64_t questioned;
	bool unclean;
	unsigned int waiting;
	struct uplink_records uplinks;
	struct tables tables;
};

/**
 * state_open() - make and lock the directory of this network namespace.
 * @other: NULL, or a connection to the service that has it. If there is no such service yet, or no
 *         longer, the call waits for a moment.
 *
 * Return: 0, -EAGAIN if another service has it, or another negative errno.
 */
int state_open(struct state *state, int *other, struct error *err);

/* state_connect() - connect to the service that has the directory; -1 if that fails. */
int state_connect(void);

/**
 * state_load() - read the file, if there is one. The VMs have no client yet.
 *
 * Return: 0, also for a file whose first part is another one, which says nothing; or a negative
 * errno.
 */
int state_load(struct state *state, struct error *err);

/* state_save() - write the file; 0 or a negative errno. */
int state_save(struct state *state, struct error *err);

/* state_add() - add a VM, which gets a number; the state owns it. */
void state_add(struct state *state, struct vm *vm);

/* state_remove() - remove a VM from the list; the caller owns it. */
void state_remove(struct state *state, struct vm *vm);

/* state_find() - find a VM by its number; NULL if there is none. */
struct vm *state_find(const struct state *state, uint32_t id);

/* state_find_other() - find another record of @vm's user, name and card; NULL if there is none. */
struct vm *state_find_other(const struct state *state, const struct vm *vm);

/* state_has_tap() - true if another VM than @vm has the tap of that index. */
bool state_has_tap(const struct state *state, const struct vm *vm, unsigned int ifindex);

/* state_has_mac() - true if a bridged VM on @vm's uplink has the hardware address of @vm. */
bool state_has_mac(const struct state *state, const struct vm *vm);

/* state_clear() - remove socket, file and directory if nothing is left. */
void state_clear(struct state *state);

/* state_close() - free all VMs, and call state_clear(). */
void state_close(struct state *state);

#endif
