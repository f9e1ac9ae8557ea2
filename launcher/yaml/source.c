// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the text of a definition and checks its bytes.
#include "launcher/yaml/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"

static int source_refuse(const struct source *source, struct diagnostics *diagnostics,
			 const char *why)
{
	diagnostics_add(diagnostics, &(struct location){ .source = source }, "%s", why);
	return -EINVAL;
}

/* Returns the error about a character, or NULL; @next: the byte after it. */
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

/*
 * Returns the error about a line that begins with '%', or NULL for the one directive that is
 * allowed: libyaml's time for directives grows with the square of their number. @first: true if
 * only blank and indented lines, and comments, are before it.
 */
static const char *directive_wrong(const char *line, bool first)
{
	if (first && !strncmp(line, "%YAML ", strlen("%YAML ")))
		return NULL;
	if (!strncmp(line, "%TAG ", strlen("%TAG ")))
		return "a definition has no use for %TAG: remove this line";
	return "a line cannot begin with '%' here";
}

static int source_check(const struct source *source, struct diagnostics *diagnostics)
{
	struct location location = { .source = source, .line = 1, .column = 1, .length = 1 };
	uint32_t character = 0;
	bool first = true;
	const char *wrong;
	size_t length;

	for (size_t i = 0; i < source->size; i += length) {
		length = text_decode(source->text + i, source->size - i, &character);
		wrong = character_wrong(length, character, source->text[i + 1]);
		if (!wrong && character == '%' && location.column == 1)
			wrong = directive_wrong(source->text + i, first);
		if (wrong) {
			diagnostics_add(diagnostics, &location, "%s", wrong);
			return -EINVAL;
		}
		if (location.column == 1 && !strchr(" \r\n#", source->text[i]))
			first = false;
		location.column++;
		if (character == '\n') {
			location.line++;
			location.column = 1;
		}
	}
	return 0;
}

/* Takes ownership of @text. */
static int source_fill(struct source *source, char *text, size_t size,
		       struct diagnostics *diagnostics)
{
	static const char mark[] = "\xef\xbb\xbf";

	source->text = text;
	source->size = size;
	if (size > SOURCE_SIZE_MAX)
		return source_refuse(source, diagnostics,
				     "larger than 1 MiB, which no definition is");
	if (size >= strlen(mark) && !memcmp(text, mark, strlen(mark))) {
		source->size -= strlen(mark);
		memmove(text, text + strlen(mark), source->size + 1);
	}
	return source_check(source, diagnostics);
}

static int source_name(struct source *source, const char *name)
{
	memset(source, 0, sizeof(*source));
	source->name = strdup(name);
	return source->name ? 0 : -ENOMEM;
}

int source_from_memory(const char *name, const void *bytes, size_t size, struct source *source,
		       struct diagnostics *diagnostics)
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
	return source_fill(source, text, kept, diagnostics);
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

static int source_read(struct source *source, int fd, struct diagnostics *diagnostics)
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

			source_refuse(source, diagnostics, strerror(code));
			return -code;
		}
		size += got > 0 ? (size_t)got : 0;
	} while (got != 0 && size <= SOURCE_SIZE_MAX);
	text[size] = '\0';
	return source_fill(source, take_ptr(&text), size, diagnostics);
}

int source_open(const char *path, struct source *source, struct diagnostics *diagnostics)
{
	cleanup_fd int fd = -1;
	struct stat status;
	const char *wrong;

	if (source_name(source, path) < 0)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &status) < 0) {
		int code = errno;

		/* open(2) returns ENXIO for a socket. */
		source_refuse(source, diagnostics,
			      code == ENXIO ? "is a socket or a device, not a file"
					    : strerror(code));
		return -code;
	}
	wrong = mode_wrong(status.st_mode);
	if (wrong)
		return source_refuse(source, diagnostics, wrong);
	if (status.st_size > SOURCE_SIZE_MAX)
		return source_refuse(source, diagnostics,
				     "larger than 1 MiB, which no definition is");
	return source_read(source, fd, diagnostics);
}

void source_done(struct source *source)
{
	free(source->name);
	free(source->text);
	memset(source, 0, sizeof(*source));
}
