/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state file alone says what is in force, and names its revision; so there is one moment at which a commit has happened, the rename of
 * the state file, and the history only has to be ready for it. A commit goes: the revision is written under the number after the one
 * that the state names, and synced, file and directory; the state file, which names it, is written; the maps are; the state file is renamed;
 * the change is acknowledged. Killed
 *
 * - before the rename, wherever: the state names the revision before. A file of the number after it, torn or whole, is of a change that
 *   nobody was told of and that is not in force: the next start removes it.
 * - after it: the revision that the state names has been on the disk since before. Nothing is left to do but to remove the oldest, which any
 *   later commit or start does as well.
 *
 * So an acknowledged change is never missing, and a change is in the history if and only if the next start finds it in force. Only ever one
 * file can be ahead of the state. Where there are more, another state file has been put in place, from a backup perhaps: then none is
 * removed, and numbers go on behind the last.
 */
#include "history.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "history_delta.h"
#include "history_file.h"
#include "store.h"

#define FILE_NAME "%08" PRIu64 ".jsonl"

struct history {
	char *dir;
	struct revision *revisions; /* by number */
	size_t count;
	uint64_t number;	 /* in force */
	struct revision pending; /* number 0: none */
	bool pending_is_written;
};

static char *path_of(const struct history *history, uint64_t number)
{
	return xasprintf("%s/" FILE_NAME, history->dir, number);
}

static void revision_release(struct revision *revision)
{
	free(revision->by);
	free(revision->summary);
	*revision = (struct revision){0};
}

static void add(struct history *history, struct revision *revision)
{
	history->revisions = xreallocarray(history->revisions, history->count + 1, sizeof(*history->revisions));
	history->revisions[history->count++] = *revision;
	*revision = (struct revision){0};
}

static void read_revision(struct history *history, uint64_t number)
{
	char *path = path_of(history, number);
	struct revision revision = {0};
	struct shunt_err err = {0};
	struct history_file file;
	int rc = history_file_read(path, &file, &err);

	if (!rc)
		rc = history_file_head(&file, number, path, &revision, &err);
	if (rc) {
		log_warning("history: %s; this revision is left out", shunt_err_text(&err));
	} else {
		revision.bytes = (uint64_t)(file.config + file.config_len + 1 - file.text);
		add(history, &revision);
	}
	history_file_release(&file);
	free(path);
}

static void remove_file(const struct history *history, uint64_t number)
{
	char *path = path_of(history, number);

	if (unlink(path) && errno != ENOENT)
		log_warning("history: %s cannot be removed: %s", path, strerror(errno));
	free(path);
}

/* The oldest that are too many. The last two stay, however long they are: one to go back from, and one to. */
static void prune(struct history *history)
{
	uint64_t bytes = 0;
	size_t kept = 0;

	while (kept < history->count && kept < HISTORY_KEEP) {
		bytes += history->revisions[history->count - 1 - kept].bytes;
		if (bytes > HISTORY_BYTES && kept >= 2)
			break;
		kept++;
	}
	while (kept && kept < history->count &&
	       history->revisions[history->count - 1 - kept].number >= history->revisions[history->count - kept].base)
		kept++; /* what the oldest is made of */
	for (size_t i = 0; i < history->count - kept; i++) {
		remove_file(history, history->revisions[i].number);
		revision_release(&history->revisions[i]);
	}
	if (kept < history->count)
		memmove(history->revisions, history->revisions + history->count - kept,
			kept * sizeof(*history->revisions));
	history->count = kept;
}

/* The number that a file's name says; 0: it is no revision's. */
static uint64_t number_of(const char *name)
{
	uint64_t number = strtoull(name, NULL, 10);
	char expected[40];

	snprintf(expected, sizeof(expected), FILE_NAME, number);
	return number <= INT64_MAX && strcmp(name, expected) == 0 ? number : 0;
}

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Those that there are files of, in order. */
static uint64_t *list_numbers(const struct history *history, size_t *count)
{
	uint64_t *numbers = xcalloc(1, sizeof(*numbers));
	DIR *dir = opendir(history->dir);
	struct dirent *entry;

	*count = 0;
	if (!dir) {
		if (errno != ENOENT)
			log_warning("history: %s cannot be read: %s", history->dir, strerror(errno));
		return numbers;
	}
	while ((entry = readdir(dir))) {
		uint64_t number = number_of(entry->d_name);

		if (!number)
			continue;
		numbers = xreallocarray(numbers, *count + 1, sizeof(*numbers));
		numbers[(*count)++] = number;
	}
	closedir(dir);
	qsort(numbers, *count, sizeof(*numbers), compare_numbers);
	return numbers;
}

struct history *history_open(const char *state_path, uint64_t in_force)
{
	struct history *history = xcalloc(1, sizeof(*history));
	uint64_t *numbers;
	size_t count;

	history->dir = xasprintf("%s.history", state_path);
	numbers = list_numbers(history, &count);
	if (in_force && count && numbers[count - 1] == in_force + 1)
		remove_file(history, numbers[--count]);
	history->number = count && numbers[count - 1] > in_force ? numbers[count - 1] : in_force;
	for (size_t i = 0; i < count; i++)
		read_revision(history, numbers[i]);
	prune(history);
	free(numbers);
	return history;
}

void history_close(struct history *history)
{
	if (!history)
		return;
	for (size_t i = 0; i < history->count; i++)
		revision_release(&history->revisions[i]);
	revision_release(&history->pending);
	free(history->revisions);
	free(history->dir);
	free(history);
}

uint64_t history_number(const struct history *history)
{
	return history->number;
}

const struct revision *history_list(const struct history *history, size_t *count)
{
	*count = history->count;
	return history->revisions;
}

static int no_revision(const struct history *history, uint64_t number, struct shunt_err *err)
{
	if (!history->count)
		return shunt_fail(err, ENOENT, NULL, "no revision %" PRIu64 "; there are none yet", number);
	return shunt_fail(err, ENOENT, NULL,
			  "no revision %" PRIu64 "; `shunt history` lists those there are, from %" PRIu64
			  " to %" PRIu64,
			  number, history->revisions[0].number, history->revisions[history->count - 1].number);
}

/* The second line of a revision's file. NULL with *err. */
static json_t *read_second(const struct history *history, uint64_t number, struct shunt_err *err)
{
	char *path = path_of(history, number);
	struct history_file file;
	json_t *tree = NULL;

	if (!history_file_read(path, &file, err)) {
		tree = json_loadb(file.config, file.config_len, JSON_REJECT_DUPLICATES, NULL);
		if (!tree)
			shunt_fail(err, EIO, path, "is not a configuration of this version of shuntd: no JSON");
	}
	history_file_release(&file);
	free(path);
	return tree;
}

/* The configuration of base, taken on to that of number. NULL with *err. */
static json_t *read_chain(const struct history *history, uint64_t base, uint64_t number, struct shunt_err *err)
{
	json_t *tree = read_second(history, base, err), *delta;

	while (tree && base < number) {
		int rc = -EIO;

		delta = read_second(history, ++base, err);
		if (delta)
			rc = delta_apply(&tree, delta);
		if (rc == -EINVAL)
			shunt_fail(err, EIO, NULL,
				   "revision %" PRIu64 " does not say how it differs from the one before", base);
		json_decref(delta);
		if (!rc)
			continue;
		json_decref(tree);
		tree = NULL;
	}
	return tree;
}

static const struct revision *find_revision(const struct history *history, uint64_t number)
{
	for (size_t i = history->count; i > 0; i--)
		if (history->revisions[i - 1].number == number)
			return &history->revisions[i - 1];
	return history->pending_is_written && history->pending.number == number ? &history->pending : NULL;
}

struct config *history_config(const struct history *history, uint64_t number, struct shunt_err *err)
{
	const struct revision *revision = find_revision(history, number);
	struct config *config = NULL;
	struct shunt_err bad = {0};
	json_t *tree;

	if (!revision) {
		no_revision(history, number, err);
		return NULL;
	}
	tree = read_chain(history, revision->base, number, err);
	if (!tree)
		return NULL;
	config = config_from_json(tree, NULL, &bad);
	json_decref(tree);
	if (!config) {
		char *path = path_of(history, number);

		shunt_fail(err, EIO, path, "is not a configuration of this version of shuntd: %s",
			   shunt_err_text(&bad));
		free(path);
	}
	return config;
}

bool history_differs(const struct history *history, uint64_t number)
{
	const struct revision *revision = find_revision(history, number);

	return revision && revision->base != number;
}

/* The directory's own name is synced with the state file's. */
static int write_durably(const struct history *history, const char *path, const char *text, struct shunt_err *err)
{
	int rc;

	if (mkdir(history->dir, 0700) && errno != EEXIST)
		return shunt_fail(err, errno, history->dir,
				  "cannot be made: %s; expected a directory that the daemon may write",
				  strerror(errno));
	rc = store_write(path, text, err);
	if (rc)
		return rc;
	rc = store_sync_directory(path);
	if (!rc)
		return 0;
	unlink(path);
	return shunt_fail(err, -rc, history->dir, "cannot be synced: %s; nothing has changed", strerror(-rc));
}

static bool is_long(const struct config *config)
{
	size_t length = config->service_count;

	for (size_t i = 0; i < config->service_count; i++)
		length += config->services[i].backend_count;
	return length >= HISTORY_LONG;
}

/* What the pending revision's second line says; and its base. */
static json_t *second_line(struct history *history, const struct config *before, const struct config *config)
{
	const struct revision *last = find_revision(history, history->number);
	json_t *delta = NULL;

	if (before && last && history->number + 1 - last->base < HISTORY_CHAIN && is_long(config))
		delta = delta_make(before, config);
	history->pending.base = delta ? last->base : history->pending.number;
	return delta ? delta : config_to_json(config);
}

static int write_pending(struct history *history, json_t *second, struct shunt_err *err)
{
	char *text = history_file_text(&history->pending, second), *path = path_of(history, history->pending.number);
	int rc = text ? write_durably(history, path, text, err)
		      : shunt_fail(err, ENOMEM, path, "cannot write: out of memory");

	history->pending.bytes = text ? strlen(text) : 0;
	free(path);
	free(text);
	return rc;
}

/* Both come from who asked, in a way: jansson takes no text that is not UTF-8, and a list of revisions has a line for each. */
static char *printable(const char *text)
{
	char *copy = xstrdup(text);
	json_t *string = json_string(text);

	for (unsigned char *c = (unsigned char *)copy; *c; c++)
		if (*c < ' ' || *c == 0x7f || (!string && *c & 0x80))
			*c = '?';
	json_decref(string);
	return copy;
}

int history_prepare(struct history *history, const struct config *before, const struct config *config,
		    const struct history_origin *origin, const char *summary, uint64_t *number, struct shunt_err *err)
{
	json_t *second;
	int rc;

	history->pending = (struct revision){
		.number = history->number + 1,
		.time = (uint64_t)time(NULL),
		.by = printable(origin->by),
		.summary = printable(summary),
		.uid = origin->uid,
		.pid = origin->pid,
	};
	*number = history->pending.number;
	second = second_line(history, before, config);
	rc = write_pending(history, second, err);
	json_decref(second);
	history->pending_is_written = !rc;
	return rc;
}

void history_commit(struct history *history)
{
	if (!history->pending.number)
		return;
	history->number = history->pending.number;
	if (history->pending_is_written)
		add(history, &history->pending);
	revision_release(&history->pending);
	prune(history);
}

void history_abort(struct history *history)
{
	if (history->pending_is_written)
		remove_file(history, history->pending.number);
	history->pending_is_written = false;
	revision_release(&history->pending);
	rmdir(history->dir); /* if there is nothing else in it: a first start that failed leaves no trace */
}
