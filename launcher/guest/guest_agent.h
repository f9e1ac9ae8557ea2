// SPDX-License-Identifier: GPL-2.0-or-later
// Asks the QEMU guest agent in a VM, whose every byte is the guest's to choose.
#ifndef LAUNCHER_GUEST_GUEST_AGENT_H
#define LAUNCHER_GUEST_GUEST_AGENT_H

#include <json-c/json.h>
#include <stdbool.h>

#include "netsetup/base/error.h"

/*
 * Theory of operation: QEMU listens on the socket "agent" in the VM's runtime directory and passes
 * what is written there to the guest's virtio-serial port "org.qemu.guest_agent.0". It is asked by
 * the command that a person has typed (status, stop) and not by the process that supervises the VM:
 * a guest that answers with nonsense, without end or not at all costs that command its time, which
 * is bounded, and nobody else anything.
 */

/* The socket in the runtime directory, and the port's name among QEMU's devices. */
#define GUEST_AGENT_SOCKET "agent"
#define GUEST_AGENT_PORT   "agent0"

/* What one conversation may take: all of it, and one line. */
#define GUEST_AGENT_MS       3000
#define GUEST_AGENT_LINE_MAX (64 * 1024)
#define GUEST_AGENT_MAX      (256 * 1024)

/**
 * guest_agent_event() - QEMU tells when a program of the guest opens the channel, and when it closes it.
 * @name, @data: of a QMP event.
 * @connected: set when it is that one.
 */
void guest_agent_event(const char *name, struct json_object *data, bool *connected);

/**
 * guest_agent_facts() - ask for what vmrun(1), Status, has in its member "agent".
 * @fd: a connection to the agent; stays the caller's.
 * @milliseconds: the whole conversation may take.
 * @facts: an object, to be released with json_object_put(). Its texts can be shown.
 * @err: ETIMEDOUT when it does not answer, EMSGSIZE when it says too much.
 *
 * Return: 0 or a negative errno.
 */
int guest_agent_facts(int fd, unsigned int milliseconds, struct json_object **facts,
		      struct error *err);

/**
 * guest_agent_power_off() - have it power the guest off.
 * @fd, @milliseconds, @err: as above. That it does so is not waited for.
 *
 * Return: 0 or a negative errno.
 */
int guest_agent_power_off(int fd, unsigned int milliseconds, struct error *err);

#endif
