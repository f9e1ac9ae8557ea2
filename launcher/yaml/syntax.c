// SPDX-License-Identifier: GPL-2.0-or-later
// Explains syntax errors of libyaml to the author of a definition.
#include "launcher/yaml/syntax.h"

#include <string.h>

static const char tab_indents[] = "a tab cannot indent: use spaces";

/* Returns the line after this one, or NULL. */
static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : NULL;
}

/* @number: from 0. */
static const char *find_line(const char *text, size_t number)
{
	while (number-- > 0 && text)
		text = next_line(text);
	return text ? text : "";
}

/* Returns the byte at a column, which counts characters from 0. */
static char byte_at(const char *line, size_t column)
{
	while (column-- > 0 && *line)
		do
			line++;
		while ((*line & 0xc0) == 0x80);
	return *line;
}

/*
 * Returns true if the lines from @text to @end have a block that is still open and is indented by
 * @column. An item of a list opens two blocks: the list, and what follows its '-'.
 */
static bool block_open(const char *text, const char *end, size_t column)
{
	bool open = false;

	for (const char *line = text; line && line < end; line = next_line(line)) {
		size_t start = strspn(line, " ");

		if (strchr("\r\n#", line[start]))
			continue;
		if (start < column)
			open = false;
		while (start < column && line[start] == '-' && line[start + 1] == ' ')
			start += 1 + strspn(line + start + 1, " ");
		if (start == column)
			open = true;
	}
	return open;
}

/* Explains an error at the first character of a line. */
static const char *line_text(const char *problem, const char *text, const char *line, size_t column)
{
	const bool key = strstr(problem, "did not find expected key");
	const bool item = line[column] == '-';

	if (!key && !strstr(problem, "did not find expected '-' indicator"))
		return NULL;
	if (column > 0 && !block_open(text, line, column))
		return "this line's indentation fits no line above";
	if (key == item)
		return key ? "a '-' cannot be here: the lines above with this indentation are keys"
			   : "a '-' is missing: the lines above with this indentation have one";
	return NULL;
}

const char *syntax_text(const yaml_parser_t *parser, const struct source *source)
{
	const char *problem = parser->problem;
	const char *line = find_line(source->text, parser->problem_mark.line);
	const size_t column = parser->problem_mark.column;
	const size_t start = strspn(line, " ");

	if (strstr(problem, "a tab character"))
		return tab_indents;
	if (strstr(problem, "mapping values are not allowed"))
		return "no key can be here: the line is indented too far, or a text with ': ' "
		       "needs quotes";
	if (strstr(problem, "block sequence entries are not allowed"))
		return "a list must begin in a line of its own";
	if (strstr(problem, "invalid Unicode character escape"))
		return "this escape is no character: write the character itself";
	if (strstr(problem, "incompatible YAML document"))
		return "this version of YAML is not known: write '%YAML 1.2', or remove the line";
	if (strstr(problem, "expected <document start>") && strstr(source->text, "%YAML "))
		return "'---' must be in a line of its own between '%YAML' and the definition";
	if (strstr(problem, "start any token")) {
		if (line[start] == '\t')
			return tab_indents;
		if (byte_at(line, column) == '\t')
			return "a tab cannot be here: use spaces";
		return "a text that begins with this character needs quotes";
	}
	return start == column ? line_text(problem, source->text, line, column) : NULL;
}
