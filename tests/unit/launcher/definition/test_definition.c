// SPDX-License-Identifier: GPL-2.0-or-later
// Tests definition files: error messages, printed forms, hostile input.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "launcher/definition/definition.h"
#include "launcher/definition/load.h"
#include "launcher/definition/print.h"
#include "launcher/yaml/document.h"
#include "launcher/yaml/source.h"
#include "netsetup/base/cleanup.h"

#define OPTIONS_OVERRIDES_MAX 16

/* CPU time to refuse any hostile input, also with sanitizers and on a slow machine. */
#define SECONDS_MAX 5.0

static char unit_path[PATH_MAX];
static char scratch[] = "/tmp/vmrun-test-XXXXXX";

static char *read_text(const char *path)
{
	cleanup_file FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (!file)
		return NULL;
	if (getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* Replaces the absolute path of this directory by "@UNIT@". */
static char *without_path(const char *text)
{
	size_t length = strlen(unit_path);
	char *result = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&result, &size);

	assert_non_null(out);
	while (*text) {
		if (strncmp(text, unit_path, length)) {
			fputc(*text++, out);
			continue;
		}
		fputs("@UNIT@", out);
		text += length;
	}
	fclose(out);
	return result;
}

static unsigned int read_overrides(const char *path, char *overrides[OPTIONS_OVERRIDES_MAX])
{
	cleanup_file FILE *file = fopen(path, "re");
	unsigned int count = 0;
	size_t size = 0;

	while (file && count < OPTIONS_OVERRIDES_MAX) {
		overrides[count] = NULL;
		size = 0;
		if (getline(&overrides[count], &size, file) < 0) {
			free(overrides[count]);
			break;
		}
		overrides[count][strcspn(overrides[count], "\n")] = '\0';
		count++;
	}
	return count;
}

/* Returns the diagnostics, or the printed definition. */
static char *load_text(const char *path, char *const overrides[], unsigned int count, bool json,
		       int *ret)
{
	struct definition definition;
	struct error err;
	char *text = NULL;

	*ret = load_definition(path, overrides, count, &definition, &text);
	if (*ret < 0)
		return text;
	assert_null(text);
	assert_int_equal(print_definition(&definition, json, &text, &err), 0);
	definition_done(&definition);
	return text;
}

/* struct sample - a definition of the test data with its --set options. */
struct sample {
	char base[PATH_MAX];
	char path[PATH_MAX];
	char *overrides[OPTIONS_OVERRIDES_MAX];
	unsigned int count;
};

static void sample_load(struct sample *sample, const char *directory, const char *name)
{
	char set[PATH_MAX];

	snprintf(sample->base, sizeof(sample->base), "samples/%s/%.*s", directory,
		 (int)(strlen(name) - strlen(".yaml")), name);
	snprintf(sample->path, sizeof(sample->path), "%.4000s.yaml", sample->base);
	snprintf(set, sizeof(set), "%.4000s.set", sample->base);
	sample->count = read_overrides(set, sample->overrides);
}

static void sample_done(struct sample *sample)
{
	for (unsigned int i = 0; i < sample->count; i++)
		free(sample->overrides[i]);
}

static char *read_sample(const struct sample *sample, const char *suffix, char path[PATH_MAX])
{
	char *text;

	snprintf(path, PATH_MAX, "%.4000s.%s", sample->base, suffix);
	text = read_text(path);
	if (!text)
		fail_msg("%s is missing or empty", path);
	return text;
}

static void expect_same(const char *path, const char *expected, const char *text)
{
	cleanup_free char *shown = without_path(text);

	if (strcmp(shown, expected))
		fail_msg("%s\n--- expected\n%s--- got\n%s", path, expected, shown);
}

static void expect_text(const struct sample *sample, const char *suffix, const char *text)
{
	char path[PATH_MAX];
	cleanup_free char *expected = read_sample(sample, suffix, path);

	expect_same(path, expected, text);
}

static size_t line_size(const char *line)
{
	const size_t length = strcspn(line, "\n");

	return line[length] ? length + 1 : length;
}

/*
 * Applies differences to a text: '-' begins a line to remove, '+' one to add, ' ' one to find. All
 * other lines stay.
 */
static char *patched(const char *text, const char *differences)
{
	char *result = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&result, &size);

	assert_non_null(out);
	for (const char *line = differences; *line; line += line_size(line)) {
		if (*line == '+') {
			fwrite(line + 1, 1, line_size(line) - 1, out);
			continue;
		}
		for (; strncmp(text, line + 1, line_size(line) - 1); text += line_size(text)) {
			if (!*text)
				fail_msg("no such line: %s", line);
			fwrite(text, 1, line_size(text), out);
		}
		if (*line == ' ')
			fwrite(text, 1, line_size(text), out);
		text += line_size(text);
	}
	fputs(text, out);
	fclose(out);
	return result;
}

/*
 * Compares the printed definition. least.print and full.print are complete. Other files have only
 * the differences from least.print, so that a new key with a default changes just these two. To
 * write such a file again, with a --set for each line of NAME.set:
 *
 *   cd tests/unit/launcher/definition && vmrun print samples/good/NAME.yaml |
 *   sed "s|$PWD|@UNIT@|g" | diff -U1 samples/good/least.print - |
 *   sed '1,2d; /^@@/d' > samples/good/NAME.print
 */
static void expect_print(const struct sample *sample, const char *text)
{
	char path[PATH_MAX];
	cleanup_free char *least = read_text("samples/good/least.print");
	cleanup_free char *own = read_sample(sample, "print", path);
	cleanup_free char *expected = NULL;

	assert_non_null(least);
	expected = strchr("-+ ", own[0]) ? patched(least, own) : strdup(own);
	expect_same(path, expected, text);
}

static unsigned int each_sample(const char *directory, void (*test)(const struct sample *sample))
{
	char path[PATH_MAX];
	struct dirent **entries;
	unsigned int tested = 0;
	int count;

	snprintf(path, sizeof(path), "samples/%s", directory);
	count = scandir(path, &entries, NULL, alphasort);
	assert_true(count > 0);
	for (int i = 0; i < count; i++) {
		const char *dot = strrchr(entries[i]->d_name, '.');

		if (dot && !strcmp(dot, ".yaml")) {
			struct sample sample;

			sample_load(&sample, directory, entries[i]->d_name);
			test(&sample);
			sample_done(&sample);
			tested++;
		}
		free(entries[i]);
	}
	free(entries);
	return tested;
}

static void test_one_bad(const struct sample *sample)
{
	cleanup_free char *text = NULL;
	int ret;

	text = load_text(sample->path, sample->overrides, sample->count, false, &ret);
	if (ret != -EINVAL)
		fail_msg("%s: ret %d", sample->path, ret);
	expect_text(sample, "expected", text);
}

static void test_bad(void **state)
{
	assert_true(each_sample("bad", test_one_bad) >= 60);
}

/* A warning does not refuse the definition. */
static void test_one_warn(const struct sample *sample)
{
	struct definition definition;
	cleanup_free char *text = NULL;

	if (load_definition(sample->path, NULL, 0, &definition, &text))
		fail_msg("%s: %s", sample->path, text);
	definition_done(&definition);
	if (!text)
		fail_msg("%s: no warning", sample->path);
	expect_text(sample, "expected", text);
}

static void test_warn(void **state)
{
	assert_true(each_sample("warn", test_one_warn) >= 15);
}

/* A printed definition can be loaded, and is printed in the same way again. */
static void expect_fixpoint(const char *text, const char *suffix, bool json)
{
	cleanup_free char *again = NULL;
	char path[PATH_MAX];
	FILE *file;
	int ret;

	snprintf(path, sizeof(path), "%s/printed.%s", scratch, suffix);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	again = load_text(path, NULL, 0, json, &ret);
	if (ret < 0)
		fail_msg("cannot read what was printed:\n%s%s", text, again);
	assert_string_equal(again, text);
	unlink(path);
}

static void test_one_good(const struct sample *sample)
{
	cleanup_free char *yaml = NULL;
	cleanup_free char *json = NULL;
	int ret;

	yaml = load_text(sample->path, sample->overrides, sample->count, false, &ret);
	if (ret < 0)
		fail_msg("%s", yaml);
	expect_print(sample, yaml);
	expect_fixpoint(yaml, "yaml", false);
	json = load_text(sample->path, sample->overrides, sample->count, true, &ret);
	assert_int_equal(ret, 0);
	expect_fixpoint(json, "json", true);
	if (strstr(sample->base, "/full"))
		expect_text(sample, "json", json);
}

static void test_good(void **state)
{
	assert_true(each_sample("good", test_one_good) >= 5);
}

static void test_home(void **state)
{
	static char option[] = "qemu.binary=~/bin/qemu";
	char *const set[] = { option };
	const struct passwd *user = getpwuid(getuid());
	struct definition definition;
	char expected[PATH_MAX];
	char *diagnostics;

	if (!user || user->pw_dir[0] != '/')
		skip();
	setenv("HOME", "/nowhere", 1);
	snprintf(expected, sizeof(expected), "%s/bin/qemu",
		 strcmp(user->pw_dir, "/") ? user->pw_dir : "");
	assert_int_equal(
		load_definition("samples/good/least.yaml", set, 1, &definition, &diagnostics), 0);
	assert_string_equal(definition.qemu.binary, expected);
	definition_done(&definition);
}

/* Writes a definition to the scratch directory, loads it, and compares the first message. */
static void expect_refused(const char *name, const void *bytes, size_t size, const char *expected)
{
	char path[PATH_MAX], start[PATH_MAX + 512];
	cleanup_free char *text = NULL;
	clock_t before = clock();
	FILE *file;
	int ret;

	snprintf(path, sizeof(path), "%s%s%s", name[0] == '/' ? "" : scratch,
		 name[0] == '/' ? "" : "/", name);
	if (bytes) {
		file = fopen(path, "we");
		assert_non_null(file);
		assert_int_equal(fwrite(bytes, 1, size, file), size);
		fclose(file);
	}
	text = load_text(path, NULL, 0, false, &ret);
	assert_true(ret < 0);
	assert_non_null(text);
	snprintf(start, sizeof(start), "%s%s", path, expected);
	if (strncmp(text, start, strlen(start)))
		fail_msg("expected\n%s\ngot\n%s", start, text);
	assert_true(strlen(text) < 64 * 1024);
	assert_true((double)(clock() - before) / CLOCKS_PER_SEC < SECONDS_MAX);
	if (bytes)
		unlink(path);
}

/* struct repeated - hostile input: repetitions of @text up to @size bytes. */
struct repeated {
	const char *name;
	const char *text;
	size_t size;
	const char *expected;
};

static const struct repeated repeated[] = {
	{ "10MB", "name: x\n", 10 << 20, ": larger than 1 MiB" },
	{ "limit", "name: x\n", (1 << 20) + 1, ": larger than 1 MiB" },
	{ "brackets", "[", 1 << 20, ":1:33: nested more than 32 levels deep" },
	{ "levels", "[", 10000, ":1:33: nested more than 32 levels deep" },
	{ "braces", "{", 1 << 20, ":1:33: nested more than 32 levels deep" },
	{ "flow", "{a: ", 1 << 20, ":1:126: nested more than 32 levels deep" },
	{ "questions", "? ", 1 << 20, ":1:65: nested more than 32 levels deep" },
	{ "dashes", "- ", 1 << 20, ":1:65: nested more than 32 levels deep" },
	{ "lists", "-\n", 1 << 20, ":10000:2: more than 10000 values" },
	{ "pairs", "a: b\n", 1 << 20, ":5000:4: more than 10000 values" },
	{ "literals", "- |\n x\n", 1 << 20, ":19999:3: more than 10000 values" },
	{ "anchors", "- &a x\n", 1 << 20, ":101:3: more than 100 anchors" },
	{ "aliases", "- *a\n", 1 << 20, ":1:3: no anchor 'a'" },
	{ "tags", "%TAG !a! b\n", 1 << 20, ":1:1: a definition has no use for %TAG" },
	{ "documents", "---\n", 1 << 20, ":2:1: a second document" },
	{ "comments", "#\n", 1 << 20, ": there is nothing in it" },
	{ "lines", "\n", 1 << 20, ": there is nothing in it" },
	{ "spaces", " ", 1 << 20, ": there is nothing in it" },
	{ "tabs", "\t", 1 << 20, ":1:1: a tab cannot indent" },
	{ "colons", ": ", 1 << 20, ":1:1: not YAML" },
	{ "commas", "[,", 1 << 20, ":1:2: not YAML" },
	{ "quotes", "\"", 1 << 20, ":1:3: not YAML" },
	{ "word", "x", 1 << 20, ":1:1: a definition must be a mapping" },
	{ "words", "x ", 1 << 20, ":1:1: a definition must be a mapping" },
	{ "marks", "\xef\xbb\xbf", (1 << 20) - 1, ":1:1: a control character" },
};

static void test_repeated(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(repeated); i++) {
		const struct repeated *row = &repeated[i];
		cleanup_free char *bytes = malloc(row->size);
		size_t length = strlen(row->text);

		assert_non_null(bytes);
		for (size_t k = 0; k < row->size; k++)
			bytes[k] = row->text[k % length];
		expect_refused(row->name, bytes, row->size, row->expected);
	}
}

/* Thousands of unknown keys in one line of nearly the maximum size. */
static void test_long_line(void **state)
{
	cleanup_free char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	fprintf(out, "{%900000s", "");
	for (unsigned int i = 0; i < 4990; i++)
		fprintf(out, "k%u: x,", i);
	fputs("}\n", out);
	fclose(out);
	expect_refused("line", text, size, ":1:1: required key 'name' is missing");
}

static void test_not_files(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char path[PATH_MAX];
	cleanup_fd int fd = -1;

	snprintf(path, sizeof(path), "%s/directory", scratch);
	assert_int_equal(mkdir(path, 0700), 0);
	expect_refused("directory", NULL, 0, ": is a directory, not a file\n");
	rmdir(path);
	snprintf(path, sizeof(path), "%s/fifo", scratch);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_refused("fifo", NULL, 0, ": is a pipe, not a file\n");
	unlink(path);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", scratch);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	expect_refused("socket", NULL, 0, ": is a socket or a device, not a file\n");
	close(fd);
	fd = -1;
	unlink(address.sun_path);
	expect_refused("/dev/null", NULL, 0, ": is a device, not a file\n");
	expect_refused("missing", NULL, 0, ": No such file or directory\n");
	expect_refused("empty", "", 0, ": there is nothing in it\n");
	expect_refused("nul", "name: web\0\n", 11, ":1:10: a NUL byte");
}

/* A disk of mode direct must not share its file with another disk, by any name. */
static void test_direct(void **state)
{
	static const char text[] = "name: web\ndisks:\n"
				   "  - {image: one, mode: direct}\n"
				   "  - {image: two, mode: direct}\n"
				   "  - {image: link, mode: readonly}\n";
	static const char *const names[] = { "one", "two", "link" };
	struct definition definition;
	char path[PATH_MAX], name[PATH_MAX], expected[PATH_MAX + 200];
	char *diagnostics;

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", scratch, names[i]);
		close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		assert_int_equal(truncate(path, 512), 0);
	}
	snprintf(name, sizeof(name), "%s/x", scratch);
	snprintf(path, sizeof(path), "%s/link", scratch);
	assert_int_equal(symlink("one", path), 0);
	snprintf(expected, sizeof(expected),
		 "%s:5:13: the same image as that of 'disks.0', and one of them writes to it "
		 "(mode direct)\n    5 |   - {image: link, mode: readonly}\n"
		 "      |             ^~~~\n",
		 name);
	assert_int_equal(load_definition_memory(name, text, sizeof(text) - 1, NULL, 0, &definition,
						&diagnostics),
			 -EINVAL);
	assert_string_equal(diagnostics, expected);
	free(diagnostics);
	/* Without the last line, no disks share an image. */
	assert_int_equal(load_definition_memory(name, text, strlen(text) - 34, NULL, 0, &definition,
						&diagnostics),
			 0);
	assert_int_equal(definition.disks[1].mode, DISK_DIRECT);
	definition_done(&definition);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", scratch, names[i]);
		unlink(path);
	}
}

/* struct memory - name and size of a text in memory, and the expected diagnostics. */
struct memory {
	const char *name;
	size_t size;
	const char *diagnostics;
};

static void test_memory(void **state)
{
	static const char text[] = "name: web\nqemu: {args: [-S], binary: ./x}\n";
	static const struct memory rows[] = {
		{ "/nowhere/x", sizeof(text) - 1,
		  "/nowhere/x: cannot find its directory: No such file or directory\n" },
		{ "x", SOURCE_SIZE_MAX + 1, "x: larger than 1 MiB, which no definition is\n" },
		{ "x", SIZE_MAX, "x: larger than 1 MiB, which no definition is\n" },
		{ "x", 0, "x: there is nothing in it\n" },
	};
	cleanup_free char *bytes = calloc(1, SOURCE_SIZE_MAX + 1);
	struct definition definition;
	char *diagnostics;

	assert_non_null(bytes);
	memcpy(bytes, text, sizeof(text));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_true(load_definition_memory(rows[i].name, bytes, rows[i].size, NULL, 0,
						   &definition, &diagnostics) < 0);
		assert_string_equal(diagnostics, rows[i].diagnostics);
		free(diagnostics);
	}
	assert_int_equal(load_definition_memory("x", text, sizeof(text) - 1, NULL, 0, &definition,
						&diagnostics),
			 0);
	assert_null(diagnostics);
	assert_string_equal(definition.directory, unit_path);
	definition_done(&definition);
	assert_null(definition.path);
}

/* A directory name may have any bytes, but a printed definition must be UTF-8. */
static void test_directory_bytes(void **state)
{
	static const char text[] = "name: web\nqemu: {args: [-S], binary: ./x}\n";
	struct definition definition;
	char path[PATH_MAX];
	char *diagnostics, *printed = NULL;
	struct error err;

	snprintf(path, sizeof(path), "%s/\xff", scratch);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/\xff/x", scratch);
	assert_int_equal(load_definition_memory(path, text, sizeof(text) - 1, NULL, 0, &definition,
						&diagnostics),
			 0);
	assert_int_equal(print_definition(&definition, true, &printed, &err), -EILSEQ);
	assert_int_equal(print_definition(&definition, false, &printed, &err), -EILSEQ);
	assert_null(printed);
	assert_non_null(strstr(err.message, "a path in it is not UTF-8 text"));
	definition_done(&definition);
	snprintf(path, sizeof(path), "%s/\xff", scratch);
	rmdir(path);
}

static void test_unreadable(void **state)
{
	char path[PATH_MAX];
	cleanup_fd int fd = -1;
	uid_t user = geteuid();

	snprintf(path, sizeof(path), "%s/unreadable", scratch);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0000);
	assert_true(fd >= 0);
	assert_int_equal(chmod(scratch, 0755), 0);
	if (user == 0)
		assert_int_equal(seteuid(65534), 0);
	expect_refused("unreadable", NULL, 0, ": Permission denied\n");
	if (user == 0)
		assert_int_equal(seteuid(0), 0);
	unlink(path);
}

/* A file without permission causes an error with a location, as a missing file does. */
static void test_unusable_image(void **state)
{
	static const char text[] = "name: web\ndisks: [{image: image, mode: direct}]\n";
	char path[PATH_MAX], expected[PATH_MAX];
	cleanup_fd int fd = -1;
	uid_t user = geteuid();
	cleanup_free char *diagnostics = NULL;
	FILE *file;
	int ret;

	snprintf(path, sizeof(path), "%s/image", scratch);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "%s/unusable", scratch);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	if (user == 0)
		assert_int_equal(seteuid(65534), 0);
	diagnostics = load_text(path, NULL, 0, false, &ret);
	if (user == 0)
		assert_int_equal(seteuid(0), 0);
	snprintf(expected, sizeof(expected), "cannot write to '%s/image': Permission denied\n",
		 scratch);
	assert_int_equal(ret, -EINVAL);
	assert_non_null(strstr(diagnostics, expected));
	unlink(path);
	snprintf(path, sizeof(path), "%s/image", scratch);
	unlink(path);
}

static int setup(void **state)
{
	umask(022);
	if (!realpath(SOURCE_DIR "/tests/unit/launcher/definition", unit_path) ||
	    chdir(unit_path) < 0 || !mkdtemp(scratch))
		return -1;
	return 0;
}

static int teardown(void **state)
{
	return rmdir(scratch);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_warn),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_home),
		cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_not_files),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_unusable_image),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_direct),
		cmocka_unit_test(test_directory_bytes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
