// SPDX-License-Identifier: GPL-2.0-or-later
// Collects messages about a definition and prints them in the order of its text.
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

/* Characters of a line that are shown, and of them those before the caret, when it is longer. */
#define EXCERPT_MAX    100
#define EXCERPT_BEFORE 60

#define TAB_WIDTH 8

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

/* @size: bytes of the line, without its end. */
static const char *line_find(const struct source *source, unsigned int number, size_t *size)
{
	const char *line = source->text;
	const char *end = source->text + source->size;
	const char *next;

	while (number > 1 && (next = memchr(line, '\n', (size_t)(end - line)))) {
		line = next + 1;
		number--;
	}
	next = memchr(line, '\n', (size_t)(end - line));
	if (!next)
		next = end;
	if (next > line && next[-1] == '\r')
		next--;
	*size = (size_t)(next - line);
	return line;
}

/**
 * struct excerpt - a line being written, and the caret line that grows with it.
 * @place: what the caret points at.
 * @out: where the line goes.
 * @caret: where the caret line goes.
 * @column: of the next character, from 1.
 * @shown: columns of the terminal that are used.
 */
struct excerpt {
	const struct place *place;
	FILE *out;
	FILE *caret;
	unsigned int column;
	unsigned int shown;
};

static void excerpt_caret(struct excerpt *excerpt, unsigned int width)
{
	const struct place *place = excerpt->place;
	bool inside = excerpt->column > place->column &&
		      excerpt->column < place->column + place->length;

	for (unsigned int i = 0; i < width; i++) {
		if (excerpt->column < place->column)
			fputc(' ', excerpt->caret);
		else if (excerpt->column == place->column && i == 0)
			fputc('^', excerpt->caret);
		else if (inside)
			fputc('~', excerpt->caret);
	}
	excerpt->shown += width;
}

static size_t excerpt_character(struct excerpt *excerpt, const char *bytes, size_t size)
{
	uint32_t character = 0;
	size_t length = text_decode(bytes, size, &character);
	unsigned int width;

	if (length && character == '\t') {
		width = TAB_WIDTH - excerpt->shown % TAB_WIDTH;
		fprintf(excerpt->out, "%*s", (int)width, "");
	} else if (length && text_safe(character)) {
		width = text_width(character);
		fwrite(bytes, 1, length, excerpt->out);
	} else {
		length = length ? length : 1;
		width = (unsigned int)text_write(excerpt->out, bytes, length);
	}
	excerpt_caret(excerpt, width);
	excerpt->column++;
	return length;
}

static void excerpt_write(struct excerpt *excerpt, const char *line, size_t size)
{
	unsigned int column = excerpt->place->column;
	unsigned int first = column > EXCERPT_MAX ? column - EXCERPT_BEFORE : 1;
	size_t i = 0;

	for (; i < size && excerpt->column < first; excerpt->column++) {
		uint32_t character;
		size_t length = text_decode(line + i, size - i, &character);

		i += length ? length : 1;
	}
	if (first > 1) {
		fputs("...", excerpt->out);
		fputs("   ", excerpt->caret);
	}
	while (i < size && excerpt->column < first + EXCERPT_MAX)
		i += excerpt_character(excerpt, line + i, size - i);
	fputs(i < size ? "...\n" : "\n", excerpt->out);
	/* What is missing at the end of a line has no character that could carry the caret. */
	if (excerpt->column <= column)
		fprintf(excerpt->caret, "%*s^", (int)(column - excerpt->column), "");
	fputc('\n', excerpt->caret);
}

static void message_excerpt(const struct place *place, FILE *out)
{
	struct excerpt excerpt = { .place = place, .out = out, .column = 1 };
	cleanup_free char *caret = NULL;
	size_t caret_size = 0;
	const char *line;
	size_t size;

	excerpt.caret = open_memstream(&caret, &caret_size);
	if (!excerpt.caret)
		return;
	line = line_find(place->source, place->line, &size);
	fprintf(out, "%5u | ", place->line);
	excerpt_write(&excerpt, line, size);
	fclose(excerpt.caret);
	fprintf(out, "      | %s", caret);
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
		message_excerpt(place, out);
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
