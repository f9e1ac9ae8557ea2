// SPDX-License-Identifier: GPL-2.0-or-later
// Queries the QEMU guest agent in a VM, which may be hostile.
#ifndef LAUNCHER_GUEST_GUEST_AGENT_H
#define LAUNCHER_GUEST_GUEST_AGENT_H

#include <json-c/json.h>
#include <stdbool.h>

#include "netsetup/base/error.h"

/*
 * Theory of operation: QEMU listens on the socket "agent" in the VM's runtime directory and copies
 * its bytes to the guest's virtio-serial port "org.qemu.guest_agent.0". Threat: the guest answers
 * with garbage, without end or not at all. So the command of a user (status, stop) queries the
 * agent, not the process that supervises the VM, and its time and input are limited (test:
 * test_guest_agent.c).
 */

/* The socket in the runtime directory, and the id of the port's device in QEMU. */
#define GUEST_AGENT_SOCKET "agent"
#define GUEST_AGENT_PORT   "agent0"

/* Limits of one query: its time, the bytes of a line, the bytes of all lines. */
#define GUEST_AGENT_MS       3000
#define GUEST_AGENT_LINE_MAX (64 * 1024)
#define GUEST_AGENT_MAX      (256 * 1024)

/**
 * guest_agent_event() - handle the QMP event for a guest's program that opens or closes the port.
 * @name, @data: of any QMP event.
 * @connected: set if the event concerns the agent's port.
 */
void guest_agent_event(const char *name, struct json_object *data, bool *connected);

/**
 * guest_agent_facts() - query the facts of the member "agent" in vmrun(1), Status.
 * @fd: a connection to the agent; the caller closes it.
 * @milliseconds: timeout of all queries together.
 * @facts: an object that the caller frees with json_object_put(). Its texts are safe to show.
 * @err: ETIMEDOUT if the agent does not answer, EMSGSIZE if it sends too much.
 *
 * Return: 0 or a negative errno.
 */
int guest_agent_facts(int fd, unsigned int milliseconds, struct json_object **facts,
		      struct error *err);

/**
 * guest_agent_power_off() - request power-off from the agent; does not wait for it.
 * @fd, @milliseconds, @err: as above.
 *
 * Return: 0 or a negative errno.
 */
int guest_agent_power_off(int fd, unsigned int milliseconds, struct error *err);

#endif
