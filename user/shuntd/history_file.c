/* SPDX-License-Identifier: GPL-2.0 */
#include "history_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/xalloc.h"
#include "store.h"

/* The second line is a configuration; or what differs, which versions before cannot read. */
#define FORMAT_WHOLE 1
#define FORMAT_DELTA 2

void history_file_release(struct history_file *file)
{
	json_decref(file->head);
	free(file->text);
}

static int read_all(int fd, const char *path, char **text, size_t *len, struct shunt_err *err)
{
	struct stat st;
	ssize_t n = 0;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return shunt_fail(err, EIO, path, "is not a regular file");
	*text = xcalloc((size_t)st.st_size + 1, 1);
	*len = 0;
	while (*len < (size_t)st.st_size && (n = read(fd, *text + *len, (size_t)st.st_size - *len)) > 0)
		*len += (size_t)n;
	if (n < 0)
		return shunt_fail(err, EIO, path, "cannot be read: %s", strerror(errno));
	return 0;
}

static int read_text(const char *path, char **text, size_t *len, struct shunt_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc; /* a FIFO would block the daemon for ever */

	*text = NULL;
	if (fd < 0)
		return shunt_fail(err, EIO, path, "cannot be opened: %s", strerror(errno));
	rc = read_all(fd, path, text, len, err);
	close(fd);
	return rc;
}

static int check_config(const struct history_file *file, const char *path, struct shunt_err *err)
{
	const char *hash = json_string_value(json_object_get(file->head, "hash"));
	char found[17];

	if (json_integer_value(json_object_get(file->head, "bytes")) != (json_int_t)file->config_len)
		return shunt_fail(err, EIO, path,
				  "damaged: its configuration has %zu bytes, expected %" JSON_INTEGER_FORMAT,
				  file->config_len, json_integer_value(json_object_get(file->head, "bytes")));
	snprintf(found, sizeof(found), "%016" PRIx64, store_hash(file->config, file->config_len));
	if (!hash || strcmp(hash, found) != 0)
		return shunt_fail(err, EIO, path, "damaged: the hash of its configuration is %s, expected %.40s", found,
				  hash ? hash : "");
	return 0;
}

int history_file_read(const char *path, struct history_file *file, struct shunt_err *err)
{
	size_t len = 0;
	char *end;
	int rc;

	*file = (struct history_file){.text = NULL};
	rc = read_text(path, &file->text, &len, err);
	if (rc)
		return rc;
	end = memchr(file->text, '\n', len);
	if (!end || file->text[len - 1] != '\n' || end == file->text + len - 1)
		return shunt_fail(err, EIO, path, "damaged or cut short: expected two lines");
	file->head = json_loadb(file->text, (size_t)(end - file->text), JSON_REJECT_DUPLICATES, NULL);
	file->config = end + 1;
	file->config_len = (size_t)(file->text + len - 1 - file->config);
	if (!json_is_object(file->head))
		return shunt_fail(err, EIO, path, "damaged: its first line is no JSON object");
	return check_config(file, path, err);
}

int history_file_head(const struct history_file *file, uint64_t number, const char *path, struct revision *out,
		      struct shunt_err *err)
{
	json_int_t format, revision, when, uid = -1, pid = -1, base = (json_int_t)number;
	const char *by, *summary;
	json_error_t bad;

	if (json_unpack_ex(file->head, &bad, 0, "{s:I, s:I, s:I, s:s, s:s, s?I, s?I, s?I}", "format", &format,
			   "revision", &revision, "time", &when, "by", &by, "summary", &summary, "uid", &uid, "pid",
			   &pid, "base", &base))
		return shunt_fail(err, EIO, path, "damaged: %s", bad.text);
	if (format < FORMAT_WHOLE || format > FORMAT_DELTA || revision != (json_int_t)number || base < 1 ||
	    (format == FORMAT_DELTA ? base >= revision : base != revision))
		return shunt_fail(err, EIO, path,
				  "is revision %" JSON_INTEGER_FORMAT " of format %" JSON_INTEGER_FORMAT
				  ", expected %" PRIu64 " and %d or %d",
				  revision, format, number, FORMAT_WHOLE, FORMAT_DELTA);
	*out = (struct revision){number, (uint64_t)when, xstrdup(by), xstrdup(summary), uid, pid, 0, (uint64_t)base};
	return 0;
}

static json_t *head_json(const struct revision *revision, const char *config, size_t len)
{
	char hash[17];
	json_t *head;

	snprintf(hash, sizeof(hash), "%016" PRIx64, store_hash(config, len));
	head = json_pack("{s:i, s:I, s:I, s:s, s:s, s:I, s:s}", "format",
			 revision->base == revision->number ? FORMAT_WHOLE : FORMAT_DELTA, "revision",
			 (json_int_t)revision->number, "time", (json_int_t)revision->time, "by", revision->by,
			 "summary", revision->summary, "bytes", (json_int_t)len, "hash", hash);
	if (revision->uid >= 0)
		json_object_set_new(head, "uid", json_integer(revision->uid));
	if (revision->pid >= 0)
		json_object_set_new(head, "pid", json_integer(revision->pid));
	if (revision->base != revision->number)
		json_object_set_new(head, "base", json_integer((json_int_t)revision->base));
	return head;
}

char *history_file_text(const struct revision *revision, json_t *tree)
{
	char *second = json_dumps(tree, JSON_COMPACT), *first = NULL, *text = NULL;
	json_t *head;

	if (second) {
		head = head_json(revision, second, strlen(second));
		first = json_dumps(head, 0);
		json_decref(head);
	}
	if (first)
		text = xasprintf("%s\n%s\n", first, second);
	free(first);
	free(second);
	return text;
}
