// SPDX-License-Identifier: GPL-2.0-or-later
// Builds an argument vector for exec(2).
#include "launcher/common/argv.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 64

/* Owns @item from here on, even on failure; NULL means that its allocation failed. */
static void append(struct argv *argv, char *item)
{
	if (!item || argv->failed)
		goto failed;

	/* Leave room for the NULL at the end. */
	if (argv->count + 1 >= argv->capacity) {
		size_t capacity = argv->capacity ? argv->capacity * 2 : CAPACITY_FIRST;
		char **items = reallocarray(argv->items, capacity, sizeof(*items));

		if (!items)
			goto failed;
		argv->items = items;
		argv->capacity = capacity;
	}
	argv->items[argv->count++] = item;
	argv->items[argv->count] = NULL;
	return;
failed:
	argv->failed = 1;
	free(item);
}

void argv_add(struct argv *argv, ...)
{
	const char *text;
	va_list args;

	va_start(args, argv);
	while ((text = va_arg(args, const char *)))
		append(argv, strdup(text));
	va_end(args);
}

void argv_addf(struct argv *argv, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	append(argv, text);
}

static bool has_control(const char *text)
{
	for (; *text; text++) {
		if (iscntrl((unsigned char)*text))
			return true;
	}
	return false;
}

/* $'...' (POSIX.1-2024, bash, zsh, ksh) is the only quoting that shows a control character. */
static void quote_escaped(FILE *out, const char *text)
{
	fputs("$'", out);
	for (; *text; text++) {
		unsigned char byte = *text;

		if (iscntrl(byte))
			fprintf(out, "\\%03o", byte);
		else if (byte == '\'' || byte == '\\')
			fprintf(out, "\\%c", byte);
		else
			fputc(byte, out);
	}
	fputc('\'', out);
}

static void quote(FILE *out, const char *text, bool first)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_@%+:,./-=";

	/* A shell reads a first word with '=' as an assignment. */
	if (*text && strspn(text, safe) == strlen(text) && !(first && strchr(text, '='))) {
		fputs(text, out);
		return;
	}
	if (has_control(text)) {
		quote_escaped(out, text);
		return;
	}
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	}
	fputc('\'', out);
}

char *argv_quoted(const struct argv *argv)
{
	char *line = NULL;
	size_t size;
	bool failed;
	FILE *out = open_memstream(&line, &size);

	if (!out)
		return NULL;

	for (size_t i = 0; i < argv->count; i++) {
		if (i)
			fputc(' ', out);
		quote(out, argv->items[i], i == 0);
	}
	failed = ferror(out);
	if (fclose(out) || failed) {
		free(line);
		return NULL;
	}
	return line;
}

const char *argv_word(const char *text, char word[ARGV_WORD_SIZE])
{
	FILE *out = fmemopen(word, ARGV_WORD_SIZE - 1, "w");

	word[ARGV_WORD_SIZE - 1] = '\0';
	if (!out)
		return text;
	quote(out, text, false);
	fclose(out);
	return word;
}

void argv_done(struct argv *argv)
{
	for (size_t i = 0; i < argv->count; i++)
		free(argv->items[i]);
	free(argv->items);
	*argv = (struct argv){ 0 };
}
