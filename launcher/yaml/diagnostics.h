// SPDX-License-Identifier: GPL-2.0-or-later
// Collects messages about a definition and prints them in the order of its text.
#ifndef LAUNCHER_YAML_DIAGNOSTICS_H
#define LAUNCHER_YAML_DIAGNOSTICS_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/yaml/location.h"

/* More than these are only counted in the text. */
#define REPORT_SHOWN_MAX 100

struct message;

/**
 * struct report - messages; all zero when there are none.
 * @messages, @count, @capacity: an array.
 * @failed: memory ran out.
 */
struct report {
	struct message *messages;
	size_t count;
	size_t capacity;
	bool failed;
};

/**
 * report_add() - add a message.
 * @report: the report.
 * @place: what it is about; its source lives at least as long as the report.
 * @format: printf format; the text may hold anything, it is made safe when it is told.
 */
void report_add(struct report *report, const struct place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * report_text() - all of it, sorted, each message with its excerpt.
 * @report: the report.
 *
 * Return: text, allocated; NULL when there are no messages or memory ran out.
 */
char *report_text(struct report *report);

void report_done(struct report *report);

#endif
