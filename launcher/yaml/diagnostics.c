// SPDX-License-Identifier: GPL-2.0-or-later
// The messages about a definition: gathered in any order, told in the order of its text.
#include "launcher/yaml/diagnostics.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"

/* A longer name of a --set is cut in messages. */
#define OPTION_NAME_MAX 160

/**
 * struct message - one message.
 * @place: what it is about.
 * @number: in the order they were added, so that sorting is stable.
 * @text: allocated.
 */
struct message {
	struct place place;
	size_t number;
	char *text;
};

static struct message *report_grow(struct report *report)
{
	size_t capacity = report->capacity ? 2 * report->capacity : 16;
	struct message *messages;

	if (report->count < report->capacity)
		return &report->messages[report->count];
	messages = reallocarray(report->messages, capacity, sizeof(*messages));
	if (!messages)
		return NULL;
	report->messages = messages;
	report->capacity = capacity;
	return &messages[report->count];
}

void report_add(struct report *report, const struct place *place, const char *format, ...)
{
	struct message *message = report_grow(report);
	va_list args;
	int length;

	assert(place->source);

	if (!message) {
		report->failed = true;
		return;
	}
	va_start(args, format);
	length = vasprintf(&message->text, format, args);
	va_end(args);
	if (length < 0) {
		report->failed = true;
		return;
	}
	message->place = *place;
	message->number = report->count++;
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int message_compare(const void *left, const void *right)
{
	const struct message *a = left;
	const struct message *b = right;
	int order = compare(a->place.source->rank, b->place.source->rank);

	if (!order)
		order = compare(a->place.line, b->place.line);
	if (!order)
		order = compare(a->place.column, b->place.column);
	return order ? order : compare(a->number, b->number);
}

static void message_write(const struct message *message, FILE *out)
{
	const struct place *place = &message->place;
	const char *name = place->source->name;
	bool in_line = place->line > 0 && !place->source->option;
	size_t length = strlen(name);

	if (place->source->option && length > OPTION_NAME_MAX) {
		text_write(out, name, OPTION_NAME_MAX);
		fputs("...", out);
	} else {
		text_write(out, name, length);
	}
	if (in_line)
		fprintf(out, ":%u:%u", place->line, place->column);
	fputs(": ", out);
	text_write(out, message->text, strlen(message->text));
	fputc('\n', out);
	if (in_line)
		source_excerpt(place, out);
}

char *report_text(struct report *report)
{
	size_t shown = report->count < REPORT_SHOWN_MAX ? report->count : REPORT_SHOWN_MAX;
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	if (!report->count || report->failed)
		return NULL;
	qsort(report->messages, report->count, sizeof(*report->messages), message_compare);
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	for (size_t i = 0; i < shown; i++)
		message_write(&report->messages[i], out);
	if (report->count > shown) {
		text_write(out, report->messages[0].place.source->name,
			   strlen(report->messages[0].place.source->name));
		fprintf(out, ": %zu more errors\n", report->count - shown);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

void report_done(struct report *report)
{
	for (size_t i = 0; i < report->count; i++)
		free(report->messages[i].text);
	free(report->messages);
	memset(report, 0, sizeof(*report));
}
