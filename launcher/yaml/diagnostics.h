// SPDX-License-Identifier: GPL-2.0-or-later
// Collects messages about a definition and writes them in text order.
#ifndef LAUNCHER_YAML_DIAGNOSTICS_H
#define LAUNCHER_YAML_DIAGNOSTICS_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/yaml/location.h"

/* Further messages are only counted in the text. */
#define DIAGNOSTICS_SHOWN_MAX 100

struct message;

/**
 * struct diagnostics - messages; begins as all zero.
 * @messages, @count, @capacity: array of messages.
 * @warnings: number of messages that are no errors.
 * @failed: true if a message is missing because memory ran out.
 */
struct diagnostics {
	struct message *messages;
	size_t count;
	size_t capacity;
	size_t warnings;
	bool failed;
};

/**
 * diagnostics_add() - add a message.
 * @location: subject of the message; its source must live as long as @diagnostics.
 * @format: printf format; the result may have any bytes: diagnostics_text() escapes them.
 */
void diagnostics_add(struct diagnostics *diagnostics, const struct location *location,
		     const char *format, ...) __attribute__((format(printf, 3, 4)));

/* diagnostics_warn() - add a message that does not refuse the definition: "warning: TEXT". */
void diagnostics_warn(struct diagnostics *diagnostics, const struct location *location,
		      const char *format, ...) __attribute__((format(printf, 3, 4)));

/**
 * diagnostics_text() - sort all messages and write each with its excerpt.
 *
 * Return: text for the caller to free; NULL if there are no messages or memory ran out.
 */
char *diagnostics_text(struct diagnostics *diagnostics);

void diagnostics_done(struct diagnostics *diagnostics);

#endif
