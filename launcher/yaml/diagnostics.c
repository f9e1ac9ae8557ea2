// SPDX-License-Identifier: GPL-2.0-or-later
// Collects messages about a definition and writes them in text order.
#include "launcher/yaml/diagnostics.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"

/* Bytes; messages cut a longer name of a --set. */
#define OPTION_NAME_MAX 160

/* Maximum characters in an excerpt; of a longer line, characters before the caret. */
#define EXCERPT_MAX    100
#define EXCERPT_BEFORE 60

#define TAB_WIDTH 8

/**
 * struct message - one message.
 * @location: subject of the message.
 * @number: index in the order of diagnostics_add(), which keeps qsort(3) stable.
 * @text: owned.
 */
struct message {
	struct location location;
	size_t number;
	char *text;
};

static struct message *diagnostics_grow(struct diagnostics *diagnostics)
{
	size_t capacity = diagnostics->capacity ? 2 * diagnostics->capacity : 16;
	struct message *messages;

	if (diagnostics->count < diagnostics->capacity)
		return &diagnostics->messages[diagnostics->count];
	messages = reallocarray(diagnostics->messages, capacity, sizeof(*messages));
	if (!messages)
		return NULL;
	diagnostics->messages = messages;
	diagnostics->capacity = capacity;
	return &messages[diagnostics->count];
}

__attribute__((format(printf, 4, 0))) static bool add_message(struct diagnostics *diagnostics,
							      const struct location *location,
							      const char *severity,
							      const char *format, va_list args)
{
	struct message *message = diagnostics_grow(diagnostics);
	cleanup_free char *text = NULL;

	assert(location->source);

	if (!message || vasprintf(&text, format, args) < 0 ||
	    asprintf(&message->text, "%s%s", severity, text) < 0) {
		diagnostics->failed = true;
		return false;
	}
	message->location = *location;
	message->number = diagnostics->count++;
	return true;
}

void diagnostics_add(struct diagnostics *diagnostics, const struct location *location,
		     const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_message(diagnostics, location, "", format, args);
	va_end(args);
}

void diagnostics_warn(struct diagnostics *diagnostics, const struct location *location,
		      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	diagnostics->warnings += add_message(diagnostics, location, "warning: ", format, args);
	va_end(args);
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int message_compare(const void *left, const void *right)
{
	const struct message *a = left;
	const struct message *b = right;
	int order = compare(a->location.source->rank, b->location.source->rank);

	if (!order)
		order = compare(a->location.line, b->location.line);
	if (!order)
		order = compare(a->location.column, b->location.column);
	return order ? order : compare(a->number, b->number);
}

/* @size: bytes of the line without its end. */
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
 * struct excerpt - the state while a line of text and its caret line are written.
 * @location: range that the caret line marks.
 * @out: output for the line.
 * @caret: output for the caret line.
 * @column: index of the next character, from 1.
 * @shown: terminal columns of the characters before it.
 */
struct excerpt {
	const struct location *location;
	FILE *out;
	FILE *caret;
	unsigned int column;
	unsigned int shown;
};

static void excerpt_caret(struct excerpt *excerpt, unsigned int width)
{
	const struct location *location = excerpt->location;
	bool inside = excerpt->column > location->column &&
		      excerpt->column < location->column + location->length;

	for (unsigned int i = 0; i < width; i++) {
		if (excerpt->column < location->column)
			fputc(' ', excerpt->caret);
		else if (excerpt->column == location->column && i == 0)
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
	unsigned int column = excerpt->location->column;
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
	/* A location behind the end of the line has no character above its caret. */
	if (excerpt->column <= column)
		fprintf(excerpt->caret, "%*s^", (int)(column - excerpt->column), "");
	fputc('\n', excerpt->caret);
}

static void message_excerpt(const struct location *location, FILE *out)
{
	struct excerpt excerpt = { .location = location, .out = out, .column = 1 };
	cleanup_free char *caret = NULL;
	size_t caret_size = 0;
	const char *line;
	size_t size;

	excerpt.caret = open_memstream(&caret, &caret_size);
	if (!excerpt.caret)
		return;
	line = line_find(location->source, location->line, &size);
	fprintf(out, "%5u | ", location->line);
	excerpt_write(&excerpt, line, size);
	fclose(excerpt.caret);
	fprintf(out, "      | %s", caret);
}

static void message_write(const struct message *message, FILE *out)
{
	const struct location *location = &message->location;
	const char *name = location->source->name;
	bool in_line = location->line > 0 && !location->source->option;
	size_t length = strlen(name);

	if (location->source->option && length > OPTION_NAME_MAX) {
		text_write(out, name, OPTION_NAME_MAX);
		fputs("...", out);
	} else {
		text_write(out, name, length);
	}
	if (in_line)
		fprintf(out, ":%u:%u", location->line, location->column);
	fputs(": ", out);
	text_write(out, message->text, strlen(message->text));
	fputc('\n', out);
	if (in_line)
		message_excerpt(location, out);
}

char *diagnostics_text(struct diagnostics *diagnostics)
{
	size_t shown = diagnostics->count < DIAGNOSTICS_SHOWN_MAX ? diagnostics->count
								  : DIAGNOSTICS_SHOWN_MAX;
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	if (!diagnostics->count || diagnostics->failed)
		return NULL;
	qsort(diagnostics->messages, diagnostics->count, sizeof(*diagnostics->messages),
	      message_compare);
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	for (size_t i = 0; i < shown; i++)
		message_write(&diagnostics->messages[i], out);
	if (diagnostics->count > shown) {
		text_write(out, diagnostics->messages[0].location.source->name,
			   strlen(diagnostics->messages[0].location.source->name));
		fprintf(out, ": %zu more errors\n", diagnostics->count - shown);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

void diagnostics_done(struct diagnostics *diagnostics)
{
	for (size_t i = 0; i < diagnostics->count; i++)
		free(diagnostics->messages[i].text);
	free(diagnostics->messages);
	memset(diagnostics, 0, sizeof(*diagnostics));
}
