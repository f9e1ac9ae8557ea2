// SPDX-License-Identifier: GPL-2.0-or-later
// Lists templates, or writes a definition from one.
#include "launcher/commands/command_init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/common/file.h"
#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/common/templates.h"
#include "launcher/common/terminal.h"
#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"

#define SUFFIX       TEMPLATES_SUFFIX
#define TEMPLATE_MAX (64 * 1024)

static int read_template(const char *shared, const char *name, char **text, struct error *err)
{
	char path[PATH_MAX];
	size_t size;

	if (snprintf(path, sizeof(path), "%s/templates/%s" SUFFIX, shared, name) >= PATH_MAX)
		return error_set_errno(err, ENAMETOOLONG, "cannot read template '%s'", name);
	return file_read(path, TEMPLATE_MAX, text, &size, err);
}

/* Returns the sentence at the begin of a comment, its lines joined; the caller frees it. */
static char *read_sentence(const char *comment)
{
	char *text = strdup(comment), *to = text;

	for (const char *from = comment; text && *from; from++) {
		if (*from == '\n' && strncmp(from, "\n# ", 3) != 0)
			break;
		*to++ = *from == '\n' ? ' ' : *from;
		if (*from == '.' && strchr(" \n", from[1]))
			break;
		from += *from == '\n' ? 2 : 0;
	}
	if (text)
		*to = '\0';
	return text;
}

/* Prints words below one another from a column on, if standard output is a terminal. */
static void print_wrapped(const char *text, size_t column)
{
	const size_t width = terminal_width(STDOUT_FILENO);
	size_t at = column;

	for (size_t length; *text; text += length + (text[length] == ' ')) {
		length = strcspn(text, " ");
		if (at > column && width > column && at + 1 + length > width) {
			printf("\n%*s", (int)column, "");
			at = column;
		}
		at += (size_t)printf("%s%.*s", at > column ? " " : "", (int)length, text);
	}
	putchar('\n');
}

/* Returns what a template needs beside an installation: its comment "Needs ...", or NULL. */
static const char *find_needs(const char *text)
{
	const char *needs = strstr(text, "\n# Needs ");

	return needs ? needs + strlen("\n# ") : NULL;
}

/* Prints the name and the first sentence, which is a comment, and what it needs. */
static void show_template(const char *shared, const char *name, bool needy)
{
	cleanup_free char *text = NULL, *first = NULL, *second = NULL, *both = NULL;
	const char *needs;
	struct error ignored;

	if (read_template(shared, name, &text, &ignored) < 0)
		return;
	needs = find_needs(text);
	if (needy != (needs != NULL))
		return;
	first = read_sentence(strncmp(text, "# ", 2) == 0 ? text + 2 : "");
	second = read_sentence(needs ? needs : "");
	both = first && second ? text_format("%s%s%s", first, needs ? " " : "", second) : NULL;
	if (both)
		print_wrapped(both, (size_t)printf("%-12s ", name));
}

static int is_template(const struct dirent *entry)
{
	const size_t length = strlen(entry->d_name);

	return length > strlen(SUFFIX) &&
	       strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) == 0;
}

static int show_templates(const char *shared, struct error *err)
{
	struct dirent **entries;
	char path[PATH_MAX];
	int count;

	if (snprintf(path, sizeof(path), "%s/templates", shared) >= PATH_MAX)
		return error_set_errno(err, ENAMETOOLONG, "cannot list vmrun's templates");
	count = scandir(path, &entries, is_template, alphasort);
	if (count < 0)
		return error_set_errno(err, errno, "cannot read directory '%s'", path);
	for (int i = 0; i < count; i++)
		entries[i]->d_name[strlen(entries[i]->d_name) - strlen(SUFFIX)] = '\0';
	/* The templates that an installation can run stand first. */
	for (int i = 0; i < 2 * count; i++)
		show_template(shared, entries[i % count]->d_name, i >= count);
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	return 0;
}

/* Writes the template with the VM's name, and the path of the schema for editors. */
static void write_definition(FILE *file, const char *shared, const char *text, const char *name)
{
	const char *line = strncmp(text, "name:", 5) == 0 ? text : strstr(text, "\nname:");

	fprintf(file, "# yaml-language-server: $schema=%s/vmrun.schema.json\n", shared);
	if (!line) {
		fputs(text, file);
		return;
	}
	line += *line == '\n';
	fprintf(file, "%.*sname: %s%s", (int)(line - text), text, name, line + strcspn(line, "\n"));
}

/* Fails if the file exists. */
static int create(const char *path, const char *shared, const char *text, const char *name,
		  struct error *err)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	int ret = 0;

	if (!file)
		return error_set_errno(err, errno, "cannot create '%s'", path);
	take_fd(&fd);
	write_definition(file, shared, text, name);
	if (ferror(file))
		ret = error_set_errno(err, EIO, "cannot write '%s'", path);
	if (fclose(file) != 0 && ret == 0)
		ret = error_set_errno(err, errno, "cannot write '%s'", path);
	if (ret < 0)
		unlink(path);
	return ret;
}

static int check_names(const char *template, const char *name, struct error *err)
{
	if (!vm_name_valid(template)) {
		error_setf(err, STATUS_USAGE, EINVAL, "there is no template '%s'", template);
		error_remedy(err, "list them: vmrun init");
		return -EINVAL;
	}
	if (!vm_name_valid(name))
		return error_setf(
			err, STATUS_USAGE, EINVAL,
			"'%s' cannot be a VM's name: 1 to 63 letters a-z, digits and '-', "
			"with no '-' at either end",
			name);
	return 0;
}

static int copy(const char *shared, const char *template, const char *name, struct error *err)
{
	cleanup_free char *text = NULL, *needs = NULL;
	char path[VM_NAME_SIZE + sizeof(SUFFIX)];
	int ret;

	ret = check_names(template, name, err);
	if (ret < 0)
		return ret;
	ret = read_template(shared, template, &text, err);
	if (ret == -ENOENT) {
		error_setf(err, STATUS_USAGE, ENOENT, "there is no template '%s'", template);
		error_remedy(err, "list them: vmrun init");
	}
	if (ret < 0)
		return ret;
	snprintf(path, sizeof(path), "%s" SUFFIX, name);
	ret = create(path, shared, text, name, err);
	if (ret == 0)
		log_notice("wrote '%s': edit it, then run 'vmrun check %s'", path, path);
	needs = ret == 0 && find_needs(text) ? read_sentence(find_needs(text)) : NULL;
	if (needs)
		log_notice("%s", needs);
	return ret;
}

int command_init(const struct options *options, struct launch *launch, struct error *err)
{
	char *const *operands = options->files;
	char shared[PATH_MAX];
	int ret;

	ret = templates_directory(shared, err);
	if (ret == 0 && options->file_count == 0)
		ret = show_templates(shared, err);
	else if (ret == 0)
		ret = copy(shared, operands[0], operands[options->file_count - 1], err);
	return ret < 0 ? (int)err->status : STATUS_OK;
}
