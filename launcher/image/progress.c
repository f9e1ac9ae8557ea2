// SPDX-License-Identifier: GPL-2.0-or-later
// Shows the progress of a download or of reading a file.
#include "launcher/image/progress.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE    1024
#define TEXT_SIZE    600
#define BAR_INTERVAL 0.1
#define LINE_SECONDS 60.0

/* A rate is shown after this time. */
#define RATE_SECONDS 0.5

/* A process has one standard error, so it has one progress. */
static struct {
	bool quiet;
	bool terminal;
	volatile sig_atomic_t drawn;
	char name[128];
	double began;
	double shown;
	uint64_t first;
	bool counted;
} progress;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Prints ASCII only, see set_name(). */
static void print(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;
}

static const char *size_text(uint64_t bytes, char text[32])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes / 1024;
	size_t unit = 0;

	while (value >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(text, 32, value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return text;
}

static const char *time_text(double seconds, char text[32])
{
	const unsigned long whole = seconds < 1e6 ? (unsigned long)(seconds + 0.5) : 999999;

	if (whole >= 3600)
		snprintf(text, 32, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60, whole % 60);
	else
		snprintf(text, 32, "%lu:%02lu", whole / 60, whole % 60);
	return text;
}

/* Takes the last part of the URL's path, the publisher's name for the file. */
static void set_name(const char *url)
{
	size_t length = strcspn(url, "?");
	const char *start = url + length;

	while (start > url && start[-1] != '/')
		start--;
	length -= (size_t)(start - url);
	if (!length)
		start = url, length = strlen(url);
	snprintf(progress.name, sizeof(progress.name), "%.*s", (int)length, start);
	for (char *at = progress.name; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
}

static void begin(const char *name, bool quiet)
{
	memset(&progress, 0, sizeof(progress));
	progress.quiet = quiet;
	progress.terminal = isatty(STDERR_FILENO);
	progress.began = progress.shown = now();
	set_name(name);
}

void progress_begin_file(const char *path, bool quiet)
{
	begin(path, quiet || !isatty(STDERR_FILENO));
}

void progress_begin(const char *url, bool quiet)
{
	char line[LINE_SIZE];

	begin(url, quiet);
	if (quiet || progress.terminal)
		return;
	snprintf(line, sizeof(line), "vmrun: fetching %.400s\n", url);
	print(line);
}

/* Returns the bytes per second since the beginning; 0 in the first RATE_SECONDS. */
static double average_rate(uint64_t done)
{
	const double took = now() - progress.began;

	if (took < RATE_SECONDS || done < progress.first)
		return 0;
	return (double)(done - progress.first) / took;
}

static unsigned int columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
		return 80;
	return size.ws_col < 200 ? size.ws_col : 200;
}

/* Formats "  45%  120 MiB of 268 MiB  10 MiB/s  0:14 left". */
static int format_status(uint64_t done, uint64_t total, char text[160])
{
	const double rate = average_rate(done);
	char sizes[3][32], left[32];
	int used = 0;

	if (total)
		used = snprintf(text, 160, " %3" PRIu64 "%%  %s of %s", done * 100 / total,
				size_text(done, sizes[0]), size_text(total, sizes[1]));
	else
		used = snprintf(text, 160, "  %s", size_text(done, sizes[0]));
	if (rate >= 1)
		used += snprintf(text + used, (size_t)(160 - used), "  %s/s",
				 size_text((uint64_t)rate, sizes[2]));
	if (rate >= 1 && total >= done)
		used += snprintf(text + used, (size_t)(160 - used), "  %s left",
				 time_text((double)(total - done) / rate, left));
	return used;
}

static void draw(uint64_t done, uint64_t total)
{
	char line[LINE_SIZE], text[160], bar[64] = "";
	int room = (int)columns() - 1 - format_status(done, total, text);
	int name = (int)strlen(progress.name);

	if (total && room >= 40) {
		const int width = room / 3 < 40 ? room / 3 : 40;
		const int full = (int)(done * (uint64_t)width / total);

		bar[0] = ' ';
		bar[1] = '[';
		for (int i = 0; i < width; i++)
			bar[2 + i] = i < full ? '=' : ' ';
		bar[2 + width] = ']';
		room -= width + 3;
	}
	if (name > room)
		name = room > 0 ? room : 0;
	snprintf(line, sizeof(line), "\r%.*s%s%s\033[K", name, progress.name, bar, text);
	progress.drawn = 1;
	print(line);
}

void progress_show(uint64_t done, uint64_t total)
{
	const double time = now();
	char line[LINE_SIZE], text[160];

	if (!progress.counted)
		progress.first = done;
	progress.counted = true;
	if (progress.quiet)
		return;
	if (time - progress.shown < (progress.terminal ? BAR_INTERVAL : LINE_SECONDS))
		return;
	progress.shown = time;
	if (total && done > total)
		total = 0;
	if (progress.terminal) {
		draw(done, total);
		return;
	}
	format_status(done, total, text);
	snprintf(line, sizeof(line), "vmrun: %s%s\n", progress.name, text);
	print(line);
}

void progress_end(void)
{
	if (!progress.drawn)
		return;
	progress.drawn = 0;
	print("\r\033[K");
}

void progress_print(const char *text)
{
	char line[LINE_SIZE];

	progress_end();
	if (progress.quiet)
		return;
	snprintf(line, sizeof(line), "vmrun: %.900s\n", text);
	print(line);
}

void progress_finished(uint64_t done)
{
	char text[TEXT_SIZE], sizes[2][32], time[32];
	const double took = now() - progress.began;
	const uint64_t came = progress.counted && done > progress.first ? done - progress.first
									: done;

	size_text(done, sizes[0]);
	size_text((uint64_t)((double)came / (took > 0.001 ? took : 0.001)), sizes[1]);
	snprintf(text, sizeof(text), "fetched %s: %s in %s, %s/s", progress.name, sizes[0],
		 time_text(took, time), sizes[1]);
	progress_print(text);
}
