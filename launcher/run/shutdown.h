// SPDX-License-Identifier: GPL-2.0-or-later
// Advances a VM through its states: power off, quit, kill.
#ifndef LAUNCHER_RUN_SHUTDOWN_H
#define LAUNCHER_RUN_SHUTDOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "launcher/run/exit_status.h"
#include "launcher/run/vm.h"
#include "netsetup/protocol/protocol.h"

/**
 * struct supervision - private data of supervise_run(); times are monotonic_ms().
 * @signals: signalfd; @timer: timerfd.
 * @watched: for each card on the LAN the netsetup socket in the loop, or -1.
 * @last_request: time of the last request that advanced the state.
 * @repeat: time of the next request to power off; 0: never.
 * @deadline: time at which the present state expires; 0: never.
 * @qmp_over: true if QMP has ended or failed.
 * @disk_reported: true if a disk's error was reported since the last resume.
 */
struct supervision {
	int signals;
	int timer;
	int watched[CARDS_MAX];
	struct exit_cause exit_cause;
	uint64_t last_request;
	uint64_t repeat;
	uint64_t deadline;
	bool qmp_over;
	bool disk_reported;
};

/**
 * struct shutdown_timing - intervals in milliseconds.
 * @repeat: between two requests to power off; a guest that is still booting misses some.
 * @quit: from the command 'quit' to SIGKILL.
 * @same_request: a second signal within this time is ignored: a closed terminal and its shell,
 *                timeout(1) and systemd's SendSIGHUP= send two for one request.
 */
struct shutdown_timing {
	unsigned int repeat;
	unsigned int quit;
	unsigned int same_request;
};

/* The timing of all runs; a test may shorten it before supervise_run(). */
extern struct shutdown_timing shutdown_timing;

/* shutdown_set() - enter a state and do its action; no other function changes the state. */
void shutdown_set(struct vm *vm, enum vm_state state);

/* shutdown_ready() - QMP answers: enter VM_RUNNING, or send the 'quit' that had to wait for QMP. */
void shutdown_ready(struct vm *vm);

/* shutdown_off() - QEMU is shutting down: stop the repeated requests to power off. */
void shutdown_off(struct vm *vm);

/* shutdown_fail() - end the VM because of an error, by power-off if possible. */
void shutdown_fail(struct vm *vm, const struct error *err);

/**
 * shutdown_signal() - advance by a received signal, unless it repeats the last one (@same_request).
 * @signo: SIGINT, SIGTERM, SIGHUP or SIGQUIT.
 */
void shutdown_signal(struct vm *vm, int signo);

/**
 * shutdown_request() - advance as for a signal, for a request that comes another way.
 * @vm: within supervise_run(): from one of its callbacks, or from a function of its loop.
 * @signo: SIGTERM powers off, SIGQUIT quits, SIGKILL kills; @same_request does not apply.
 */
void shutdown_request(struct vm *vm, int signo);

/* shutdown_timer() - handle the timer; a loop_fn. */
void shutdown_timer(int fd, uint32_t events, void *context);

#endif
