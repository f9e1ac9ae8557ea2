// SPDX-License-Identifier: GPL-2.0-or-later
// Parses the policy: rules for users who may attach VMs to the LAN.
#include "netsetup/policy/policy.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/base/printable.h"

#define BLANKS " \t"

/* The line that is being parsed; @rest is the state of strtok_r(). */
struct line {
	const char *path;
	unsigned int number;
	char text[POLICY_LINE_MAX + 1];
	char *rest;
	struct error *err;
};

/* A word of the file, escaped for messages. */
struct shown {
	char text[PRINTABLE_SIZE(POLICY_LINE_MAX)];
};

static const char *shown_word(const char *word, struct shown *shown)
{
	return printable(word, strlen(word), shown->text);
}

__attribute__((format(printf, 2, 3))) static int refuse(const struct line *line, const char *format,
							...)
{
	char message[ERROR_MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return error_setf(line->err, STATUS_PERMISSION, EINVAL, "%s:%u: %s", line->path,
			  line->number, message);
}

static const char *next_word(struct line *line)
{
	return strtok_r(NULL, BLANKS, &line->rest);
}

/* A word of digits is a number, even if a user has it as a name. */
static bool read_number(const char *word, unsigned long max, unsigned long *number)
{
	if (!word[0] || strlen(word) > 10 || word[strspn(word, "0123456789")])
		return false;
	*number = strtoul(word, NULL, 10);
	return *number <= max;
}

static int read_subject(struct line *line, struct rule *rule)
{
	const char *kind = next_word(line);
	const char *name = kind ? next_word(line) : NULL;
	struct shown shown;
	unsigned long id;

	if (!kind || (strcmp(kind, "user") != 0 && strcmp(kind, "group") != 0))
		return refuse(line, "'allow' needs 'user NAME' or 'group NAME'");
	if (!name)
		return refuse(line, "'%s' needs a name or a number", kind);
	rule->group = !strcmp(kind, "group");
	if (read_number(name, UINT32_MAX - 1, &id)) {
		rule->id = (uint32_t)id;
		return 0;
	}
	if (strlen(name) >= sizeof(rule->name) || name[strspn(name, "0123456789")] == '\0')
		return refuse(line, "'%s' cannot be the name of a %s", shown_word(name, &shown),
			      kind);
	for (const char *c = name; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr(":,'\"`", *c))
			return refuse(line, "'%s' cannot be the name of a %s",
				      shown_word(name, &shown), kind);
	memcpy(rule->name, name, strlen(name) + 1);
	return 0;
}

static int read_uplink(struct line *line, const char *word, struct rule *rule)
{
	struct shown shown;

	rule->any_uplink = !strcmp(word, "any");
	if (rule->any_uplink)
		return 0;
	if (!ifname_valid(word))
		return refuse(line, "'%s' cannot be the name of an interface",
			      shown_word(word, &shown));
	memcpy(rule->uplink, word, strlen(word) + 1);
	return 0;
}

/* "192.168.1.0/24" */
static int read_subnet(struct line *line, char *word, char *slash, struct rule *rule)
{
	char text[IPV4_TEXT_SIZE];
	struct prefix subnet;
	unsigned long length;
	struct shown shown;

	shown_word(word, &shown);
	*slash = '\0';
	if (!ipv4_parse(word, &subnet.address) || !read_number(slash + 1, 32, &length))
		return refuse(line, "'%s' is not a subnet", shown.text);
	subnet.length = (unsigned int)length;
	rule->first = ipv4_prefix_network(&subnet);
	rule->last = ipv4_prefix_broadcast(&subnet);
	if (ipv4_equal(rule->first, subnet.address))
		return 0;
	subnet.address = rule->first;
	return refuse(line, "'%s' has bits beyond its prefix; the subnet is '%s'", shown.text,
		      ipv4_prefix_text(&subnet, text));
}

/* "192.168.1.50-192.168.1.99" */
static int read_range(struct line *line, char *word, char *dash, struct rule *rule)
{
	struct shown shown;

	shown_word(word, &shown);
	*dash = '\0';
	if (!ipv4_parse(word, &rule->first) || !ipv4_parse(dash + 1, &rule->last))
		return refuse(line, "'%s' is not a range of addresses", shown.text);
	if (ntohl(rule->first.s_addr) > ntohl(rule->last.s_addr))
		return refuse(line, "range '%s' ends before it begins", shown.text);
	return 0;
}

static int read_address(struct line *line, const char *word, struct rule *rule)
{
	char copy[POLICY_LINE_MAX + 1];
	struct shown shown;
	char *mark;

	snprintf(copy, sizeof(copy), "%s", word);
	mark = strchr(copy, '/');
	if (mark)
		return read_subnet(line, copy, mark, rule);
	mark = strchr(copy, '-');
	if (mark)
		return read_range(line, copy, mark, rule);
	if (!ipv4_parse(copy, &rule->first))
		return refuse(line, "'%s' is not an address, a subnet or a range",
			      shown_word(word, &shown));
	rule->last = rule->first;
	return 0;
}

static int read_vms(struct line *line, const char *word, struct rule *rule)
{
	struct shown shown;
	unsigned long vms;

	if (!read_number(word, POLICY_VMS_MAX, &vms) || vms == 0)
		return refuse(line, "'%s' is not a number of VMs, 1 to %d",
			      shown_word(word, &shown), POLICY_VMS_MAX);
	rule->vms = (unsigned int)vms;
	return 0;
}

static int read_path(struct line *line, const char *word, struct rule *rule)
{
	struct shown shown;

	if (!strcmp(word, "routed"))
		rule->path = PATH_ROUTED;
	else if (!strcmp(word, "bridged"))
		rule->path = PATH_BRIDGED;
	else
		return refuse(line, "'%s' is no path, which is routed or bridged",
			      shown_word(word, &shown));
	return 0;
}

static int read_unprobed(struct line *line, const char *word, struct rule *rule)
{
	rule->unprobed = true;
	return 0;
}

/* The options of a rule, in any order, each at most once. */
static const struct option {
	const char *name;
	const char *value; /* its operand for messages, or NULL */
	int (*read)(struct line *line, const char *word, struct rule *rule);
} options[] = {
	{ "uplink", "an interface's name, or 'any'", read_uplink },
	{ "address", "an address, a subnet or a range", read_address },
	{ "vms", "a number", read_vms },
	{ "path", "'routed' or 'bridged'", read_path },
	{ "unprobed", NULL, read_unprobed },
};

static int read_option(struct line *line, const char *name, unsigned int *seen, struct rule *rule)
{
	const char *word = NULL;
	struct shown shown;
	size_t i = 0;

	while (i < ARRAY_SIZE(options) && strcmp(options[i].name, name) != 0)
		i++;
	if (i == ARRAY_SIZE(options))
		return refuse(line, "unknown word '%s'", shown_word(name, &shown));
	if (*seen & 1U << i)
		return refuse(line, "'%s' is given twice", name);
	*seen |= 1U << i;
	if (options[i].value) {
		word = next_word(line);
		if (!word)
			return refuse(line, "'%s' needs %s", name, options[i].value);
	}
	return options[i].read(line, word, rule);
}

/* Reads a rule; @word is the first one of the line. */
static int read_rule(struct line *line, const char *word, struct policy *policy)
{
	struct rule rule = { .vms = POLICY_VMS_DEFAULT, .last = { INADDR_BROADCAST } };
	unsigned int seen = 0;
	struct shown shown;
	int ret;

	if (strcmp(word, "allow") != 0)
		return refuse(line, "unknown rule '%s'; a rule begins with 'allow'",
			      shown_word(word, &shown));
	if (policy->count == POLICY_RULES_MAX)
		return refuse(line, "more than %d rules", POLICY_RULES_MAX);
	ret = read_subject(line, &rule);
	while (ret == 0 && (word = next_word(line)))
		ret = read_option(line, word, &seen, &rule);
	if (ret == 0)
		policy->rules[policy->count++] = rule;
	return ret;
}

static int read_line(struct line *line, const char *start, size_t length, struct policy *policy)
{
	const char *comment = memchr(start, '#', length);
	const char *word;

	if (comment)
		length = (size_t)(comment - start);
	if (length > POLICY_LINE_MAX)
		return refuse(line, "longer than %d characters", POLICY_LINE_MAX);
	if (memchr(start, '\0', length))
		return refuse(line, "not a text");
	memcpy(line->text, start, length);
	line->text[length] = '\0';
	word = strtok_r(line->text, BLANKS, &line->rest);
	return word ? read_rule(line, word, policy) : 0;
}

int policy_parse(const char *text, size_t size, const char *path, struct policy *policy,
		 struct error *err)
{
	struct line line = { .path = path, .err = err };
	int ret = 0;

	policy->count = 0;
	if (size > POLICY_SIZE_MAX)
		return error_setf(err, STATUS_PERMISSION, EINVAL, "'%s' is larger than %d bytes",
				  path, POLICY_SIZE_MAX);
	while (ret == 0 && size > 0) {
		const char *end = memchr(text, '\n', size);
		const size_t length = end ? (size_t)(end - text) : size;

		line.number++;
		ret = read_line(&line, text, length, policy);
		text += length + (end ? 1 : 0);
		size -= length + (end ? 1 : 0);
	}
	return ret;
}
