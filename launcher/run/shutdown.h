// SPDX-License-Identifier: GPL-2.0-or-later
// The states of a VM's life and the steps to its end; supervise.c tells it what happens.
#ifndef LAUNCHER_RUN_SHUTDOWN_H
#define LAUNCHER_RUN_SHUTDOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "launcher/run/exit_status.h"
#include "launcher/run/vm.h"

/**
 * struct supervision - supervise_run()'s own.
 * @signals: signalfd; @timer: timerfd.
 * @watched: the netsetup socket that is watched, or -1.
 * @outcome: what is known about how the VM ends.
 * @last_wish: when the last signal that counted came, in ms.
 * @repeat: when the request to power off is sent again, in ms; 0: never.
 * @deadline: when the present state's time is over, in ms; 0: never.
 * @qmp_over: QMP is of no more use.
 * @started: ops->started was called.
 * @disk_told: the user knows that a disk failed.
 */
struct supervision {
	int signals;
	int timer;
	int watched;
	struct outcome outcome;
	uint64_t last_wish;
	uint64_t repeat;
	uint64_t deadline;
	bool qmp_over;
	bool started;
	bool disk_told;
};

/**
 * struct supervise_timing - the steps to the end, in milliseconds.
 * @repeat: between two requests to power off; a guest that is still booting misses some.
 * @quit: from telling QEMU to quit to killing it.
 * @same_wish: a signal so soon after the one before says the same once more (a closed terminal
 *             and its shell, timeout(1), systemd's SendSIGHUP= send two) and is no step.
 */
struct supervise_timing {
	unsigned int repeat;
	unsigned int quit;
	unsigned int same_wish;
};

/* The timing of every run; a test may shorten it before supervise_run(). */
extern struct supervise_timing supervise_timing;

/* ladder_set() - enter a state and do what belongs to it; the only place that changes it. */
void ladder_set(struct vm *vm, enum vm_state state);

/* ladder_ready() - QMP answers: the owner is told, and what could not be said before is said. */
void ladder_ready(struct vm *vm);

/* ladder_off() - QEMU is shutting down: the guest is not asked again. */
void ladder_off(struct vm *vm);

/* ladder_fail() - something failed that ends the VM, gracefully if that can be. */
void ladder_fail(struct vm *vm, const struct error *err);

/**
 * ladder_signal() - a signal asked for the end; one that says again what was said a moment ago
 * is no step.
 * @vm: the VM.
 * @signo: SIGINT, SIGTERM, SIGHUP or SIGQUIT.
 */
void ladder_signal(struct vm *vm, int signo);

/**
 * supervise_signal() - act as if a signal had come, for a request that comes another way.
 * @vm: within supervise_run(): from one of its callbacks, or from a function of its loop.
 * @signo: SIGTERM: graceful, SIGQUIT: quit, SIGKILL: kill; not subject to @same_wish.
 */
void supervise_signal(struct vm *vm, int signo);

/* ladder_timer() - a loop_fn for the timer. */
void ladder_timer(int fd, uint32_t events, void *context);

#endif
