/* SPDX-License-Identifier: GPL-2.0 */
#include "target_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../lib/config_found.h"
#include "../lib/xalloc.h"

#define SOON_MS 100 /* several events are mostly one change */
#define POLL_MS 10000
#define WRITTEN_MS 500 /* nobody writes to it any more */
#define SIZE_MAX_BYTES (8 << 20)

/* A file as it was read. */
struct seen {
	struct seen *next;
	char *path;
	struct stat st;
};

/* A service's pattern. */
struct watch {
	struct watch *next;
	struct target_files *files;
	char *service, *text, *directory;
	const char *pattern; /* the last part of text */
	struct seen *seen;
	uv_fs_event_t event;
	bool kept;
};

struct target_files {
	uv_loop_t *loop;
	struct discovery *discovery;
	void (*changed)(void *arg);
	void *arg;
	struct watch *watches;
	uv_timer_t timer; /* until the next look */
	size_t handles;
	bool closed, young; /* young: a file was passed over, since somebody may still be writing to it */
};

/* ---- one file */

static struct seen **find_seen(struct watch *watch, const char *path)
{
	struct seen **at = &watch->seen;

	while (*at && strcmp((*at)->path, path) != 0)
		at = &(*at)->next;
	return at;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void note_seen(struct watch *watch, const char *path, const struct stat *st)
{
	struct seen **at = find_seen(watch, path);

	if (!*at) {
		*at = xcalloc(1, sizeof(**at));
		(*at)->path = xstrdup(path);
	}
	(*at)->st = *st;
}

static void forget_seen(struct watch *watch, const char *path)
{
	struct seen **at = find_seen(watch, path), *seen = *at;

	if (!seen)
		return;
	*at = seen->next;
	free(seen->path);
	free(seen);
}

static bool is_young(const struct stat *st)
{
	struct timespec now;
	int64_t age;

	clock_gettime(CLOCK_REALTIME, &now);
	age = (now.tv_sec - st->st_mtim.tv_sec) * INT64_C(1000) + (now.tv_nsec - st->st_mtim.tv_nsec) / 1000000;
	return age >= 0 && age < WRITTEN_MS;
}

/* The whole text, with *st of what was read; NULL with *err, whose code is ENOENT where there is no file. */
static char *read_file(const char *path, struct stat *st, size_t *len, struct shunt_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO has nobody at its other end */
	char *text = NULL;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, st)) {
		shunt_fail(err, errno, path, "cannot be read: %s", strerror(errno));
	} else if (!S_ISREG(st->st_mode)) {
		shunt_fail(err, EINVAL, path, "is not a regular file");
	} else if (st->st_size > SIZE_MAX_BYTES) {
		shunt_fail(err, EFBIG, path, "is too long; expected at most %d bytes", SIZE_MAX_BYTES);
	} else {
		text = xcalloc((size_t)st->st_size + 1, 1);
		for (*len = 0; (n = read(fd, text + *len, (size_t)st->st_size - *len)) > 0;)
			*len += (size_t)n;
		if (n < 0)
			shunt_fail(err, errno, path, "cannot be read: %s", strerror(errno));
	}
	if (n < 0) {
		free(text);
		text = NULL;
	}
	if (fd >= 0)
		close(fd);
	return text;
}

/* Has anything changed? *there: the file exists, whatever it says. */
static bool read_targets(struct watch *watch, const char *path, bool *there)
{
	const struct discovery_key key = {watch->service, CONFIG_DISCOVER_FILES, watch->text, path};
	struct config_backend *backends = NULL;
	struct shunt_err err = {0};
	struct seen *seen = *find_seen(watch, path);
	struct stat st = {0};
	size_t len, count;
	bool changed = false;
	char *text;

	*there = true;
	if (seen && !stat(path, &st) && same_file(&seen->st, &st))
		return false;
	text = read_file(path, &st, &len, &err);
	if (text && !config_targets(text, len, path, &backends, &count, &err)) {
		changed = discovery_set(watch->files->discovery, &key, backends, count);
		note_seen(watch, path, &st);
	} else if (err.code == ENOENT) {
		*there = false;
	} else if (text && is_young(&st)) {
		watch->files->young = true;
	} else {
		discovery_fail(watch->files->discovery, &key, "%s", shunt_err_text(&err));
		if (text)
			note_seen(watch, path, &st);
	}
	free(backends);
	free(text);
	return changed;
}

/* ---- a pattern */

static bool matches(const struct watch *watch, const char *name)
{
	return fnmatch(watch->pattern, name, FNM_PERIOD) == 0;
}

static void forget_others(struct watch *watch, char *const *paths, size_t count)
{
	for (struct seen *seen = watch->seen, *next; seen; seen = next) {
		bool found = false;

		next = seen->next;
		for (size_t i = 0; i < count && !found; i++)
			found = !strcmp(paths[i], seen->path);
		if (!found)
			forget_seen(watch, seen->path);
	}
}

/* A directory that cannot be read says nothing of the files in it: they stay what they were. */
static bool look_through(struct watch *watch)
{
	struct discovery_key key = {watch->service, CONFIG_DISCOVER_FILES, watch->text, watch->text};
	struct dirent **entries = NULL;
	int found = scandir(watch->directory, &entries, NULL, alphasort);
	char **paths;
	bool changed = false;
	size_t count = 0;

	if (found < 0) {
		discovery_fail(watch->files->discovery, &key, "%s: cannot be read: %s", watch->directory,
			       strerror(errno));
		return false;
	}
	paths = xcalloc((size_t)found + 1, sizeof(*paths));
	for (int i = 0; i < found; i++) {
		bool there = matches(watch, entries[i]->d_name);

		paths[count] = xasprintf("%s/%s", watch->directory[1] ? watch->directory : "", entries[i]->d_name);
		if (there)
			changed = read_targets(watch, paths[count], &there) || changed;
		if (there)
			count++;
		else
			free(paths[count]);
		free(entries[i]);
	}
	changed = discovery_keep(watch->files->discovery, &key, paths, count) || changed;
	forget_others(watch, paths, count);
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
	free(paths);
	free(entries);
	return changed;
}

/* ---- all of them */

static void look(uv_timer_t *timer);

static void look_in(struct target_files *files, uint64_t ms)
{
	if (!uv_is_active((uv_handle_t *)&files->timer) || uv_timer_get_due_in(&files->timer) > ms)
		uv_timer_start(&files->timer, look, ms, 0);
}

static void on_event(uv_fs_event_t *event, const char *name, int what, int status)
{
	const struct watch *watch = event->data;

	(void)name, (void)what, (void)status;
	look_in(watch->files, SOON_MS);
}

/* Anew each time: what it was on may not be what is at the path any more. Where it cannot be, looking now and then
 * must do. */
static void listen_to(struct watch *watch)
{
	uv_fs_event_stop(&watch->event);
	uv_fs_event_start(&watch->event, on_event, watch->directory, 0);
}

static void look_at_all(struct target_files *files)
{
	bool changed = false;

	files->young = false;
	for (struct watch *watch = files->watches; watch; watch = watch->next) {
		listen_to(watch);
		changed = look_through(watch) || changed;
	}
	if (files->watches)
		uv_timer_start(&files->timer, look, files->young ? WRITTEN_MS : POLL_MS, 0);
	else
		uv_timer_stop(&files->timer);
	if (changed)
		files->changed(files->arg);
}

static void look(uv_timer_t *timer)
{
	look_at_all(timer->data);
}

static struct watch *find_watch(struct target_files *files, const char *service, const char *text)
{
	struct watch *watch = files->watches;

	while (watch && (strcmp(watch->service, service) != 0 || strcmp(watch->text, text) != 0))
		watch = watch->next;
	return watch;
}

static void add_watch(struct target_files *files, const char *service, const char *text)
{
	struct watch *watch = xcalloc(1, sizeof(*watch));
	const char *slash = strrchr(text, '/');

	watch->files = files;
	watch->service = xstrdup(service);
	watch->text = xstrdup(text);
	watch->directory = slash == text ? xstrdup("/") : xasprintf("%.*s", (int)(slash - text), text);
	watch->pattern = strrchr(watch->text, '/') + 1;
	watch->kept = true;
	watch->event.data = watch;
	uv_fs_event_init(files->loop, &watch->event);
	files->handles++;
	watch->next = files->watches;
	files->watches = watch;
}

static void on_closed(struct target_files *files)
{
	if (--files->handles == 0 && files->closed)
		free(files);
}

static void on_watch_closed(uv_handle_t *handle)
{
	struct watch *watch = handle->data;
	struct target_files *files = watch->files;

	while (watch->seen)
		forget_seen(watch, watch->seen->path);
	free(watch->service);
	free(watch->text);
	free(watch->directory);
	free(watch);
	on_closed(files);
}

static void on_timer_closed(uv_handle_t *handle)
{
	on_closed(handle->data);
}

/* Of those that are not kept. */
static void remove_watches(struct target_files *files)
{
	struct watch **at = &files->watches;

	while (*at) {
		struct watch *watch = *at;

		if (watch->kept) {
			at = &watch->next;
			continue;
		}
		*at = watch->next;
		uv_close((uv_handle_t *)&watch->event, on_watch_closed);
	}
}

void target_files_sync(struct target_files *files, const struct config *config)
{
	for (struct watch *watch = files->watches; watch; watch = watch->next)
		watch->kept = false;
	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_service *service = &config->services[i];

		for (size_t j = 0; j < service->discover_count; j++) {
			struct watch *watch = find_watch(files, service->name, service->discover[j].text);

			if (service->discover[j].kind != CONFIG_DISCOVER_FILES)
				continue;
			if (watch)
				watch->kept = true;
			else
				add_watch(files, service->name, service->discover[j].text);
		}
	}
	remove_watches(files);
	look_at_all(files);
}

struct target_files *target_files_open(uv_loop_t *loop, struct discovery *discovery, void (*changed)(void *arg),
				       void *arg)
{
	struct target_files *files = xcalloc(1, sizeof(*files));

	files->loop = loop;
	files->discovery = discovery;
	files->changed = changed;
	files->arg = arg;
	uv_timer_init(loop, &files->timer);
	files->timer.data = files;
	files->handles = 1;
	return files;
}

void target_files_close(struct target_files *files)
{
	if (!files)
		return;
	for (struct watch *watch = files->watches; watch; watch = watch->next)
		watch->kept = false;
	remove_watches(files);
	files->closed = true;
	uv_close((uv_handle_t *)&files->timer, on_timer_closed);
}
