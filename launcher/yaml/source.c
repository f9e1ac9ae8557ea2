// SPDX-License-Identifier: GPL-2.0-or-later
// The text of a definition, checked once as it comes in, and excerpts of it for messages.
#include "launcher/yaml/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/common/text.h"
#include "launcher/yaml/diagnostics.h"
#include "netsetup/base/cleanup.h"

/* Characters of a line that are shown, and of them those before the caret, when it is longer. */
#define EXCERPT_MAX    100
#define EXCERPT_BEFORE 60

#define TAB_WIDTH 8

static int source_refuse(const struct source *source, struct report *report, const char *why)
{
	report_add(report, &(struct place){ .source = source }, "%s", why);
	return -EINVAL;
}

/* What is wrong with a character, or NULL; @next is the byte after it. */
static const char *character_wrong(size_t length, uint32_t character, char next)
{
	if (length == 0)
		return "not valid UTF-8";
	if (character == 0)
		return "a NUL byte: this is not a text file";
	if (character == '\t' || character == '\n')
		return NULL;
	if (character == '\r')
		return next == '\n' ? NULL : "a carriage return without a line feed";
	return text_control(character) ? "a control character, which is not allowed here" : NULL;
}

static int source_check(const struct source *source, struct report *report)
{
	struct place place = { .source = source, .line = 1, .column = 1, .length = 1 };
	uint32_t character = 0;
	const char *wrong;
	size_t length;

	for (size_t i = 0; i < source->size; i += length) {
		length = text_decode(source->text + i, source->size - i, &character);
		wrong = character_wrong(length, character, source->text[i + 1]);
		/* Directives: never needed, and libyaml's time for them grows as their square. */
		if (!wrong && character == '%' && place.column == 1)
			wrong = "a line cannot begin with '%' here";
		if (wrong) {
			report_add(report, &place, "%s", wrong);
			return -EINVAL;
		}
		place.column++;
		if (character == '\n') {
			place.line++;
			place.column = 1;
		}
	}
	return 0;
}

/* Takes the text over. */
static int source_fill(struct source *source, char *text, size_t size, struct report *report)
{
	static const char mark[] = "\xef\xbb\xbf";

	source->text = text;
	source->size = size;
	if (size > SOURCE_SIZE_MAX)
		return source_refuse(source, report, "larger than 1 MiB, which no definition is");
	if (size >= strlen(mark) && !memcmp(text, mark, strlen(mark))) {
		source->size -= strlen(mark);
		memmove(text, text + strlen(mark), source->size + 1);
	}
	return source_check(source, report);
}

static int source_name(struct source *source, const char *name)
{
	memset(source, 0, sizeof(*source));
	source->name = strdup(name);
	return source->name ? 0 : -ENOMEM;
}

int source_from_memory(const char *name, const void *bytes, size_t size, struct source *source,
		       struct report *report)
{
	size_t kept = size > SOURCE_SIZE_MAX ? SOURCE_SIZE_MAX + 1 : size;
	char *text;

	if (source_name(source, name) < 0)
		return -ENOMEM;
	text = malloc(kept + 1);
	if (!text)
		return -ENOMEM;
	if (kept)
		memcpy(text, bytes, kept);
	text[kept] = '\0';
	return source_fill(source, text, kept, report);
}

static const char *mode_wrong(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return NULL;
	case S_IFDIR:
		return "is a directory, not a file";
	case S_IFIFO:
		return "is a pipe, not a file";
	case S_IFSOCK:
		return "is a socket, not a file";
	default:
		return "is a device, not a file";
	}
}

static int source_read(struct source *source, int fd, struct report *report)
{
	cleanup_free char *text = malloc(SOURCE_SIZE_MAX + 2);
	size_t size = 0;
	ssize_t got;

	if (!text)
		return -ENOMEM;
	do {
		got = read(fd, text + size, SOURCE_SIZE_MAX + 1 - size);
		if (got < 0 && errno != EINTR) {
			int code = errno;

			source_refuse(source, report, strerror(code));
			return -code;
		}
		size += got > 0 ? (size_t)got : 0;
	} while (got != 0 && size <= SOURCE_SIZE_MAX);
	text[size] = '\0';
	return source_fill(source, take_ptr(&text), size, report);
}

int source_open(const char *path, struct source *source, struct report *report)
{
	cleanup_fd int fd = -1;
	struct stat status;
	const char *wrong;

	if (source_name(source, path) < 0)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &status) < 0) {
		int code = errno;

		/* open(2) says of a socket only this. */
		source_refuse(source, report,
			      code == ENXIO ? "is a socket or a device, not a file"
					    : strerror(code));
		return -code;
	}
	wrong = mode_wrong(status.st_mode);
	if (wrong)
		return source_refuse(source, report, wrong);
	if (status.st_size > SOURCE_SIZE_MAX)
		return source_refuse(source, report, "larger than 1 MiB, which no definition is");
	return source_read(source, fd, report);
}

void source_done(struct source *source)
{
	free(source->name);
	free(source->text);
	memset(source, 0, sizeof(*source));
}

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

void source_excerpt(const struct place *place, FILE *out)
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
