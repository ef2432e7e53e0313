/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state file: {"format": 2, "generation": N, "revision": N, "file_hash": "16 hex digits", "config": {the canonical tree}}, and
 * "files", hashes by name, if there are any. Format 1 had no revision; it is read as one that was never counted. Format 3 has no "config":
 * where the history says only how a long one differs from the one before (history.h), this does not write all of it either.
 *
 * Written beside its place and renamed into it, each made durable before the next step, so that a reader finds
 * the old one or the new one, whole, whenever the power goes. The closing brace is its last byte: whatever is cut off, a
 * reader notices. A file that cannot be read is evidence, and perhaps the only copy of what an operator did: it is
 * refused and left alone, and the daemon does not start on a guess.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store.h"
#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "shunt/hash.h"

#define STORE_FORMAT 3
#define STORE_FORMAT_WHOLE 2 /* with the configuration */
#define STORE_FORMAT_READ 1  /* and those between */
#define STORE_MODE 0640
#define STORE_MEND "move it away to start from the configuration file; forwarding goes on meanwhile"

uint64_t store_hash(const char *text, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)text[i]) * 0x100000001b3ull;
	h = shunt_mix64(h);
	return h ? h : 1;
}

static char *new_path(const char *path)
{
	return xasprintf("%s.new", path);
}

/* Exactly as written: 16 lower-case hex digits. */
static bool parse_hash(const char *text, uint64_t *hash)
{
	if (strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
		return false;
	*hash = strtoull(text, NULL, 16);
	return true;
}

/* format comes first: of another version's file nothing else can be relied on. */
static int check_format(const char *path, json_t *root, struct shunt_err *err)
{
	json_error_t bad;
	json_int_t format;

	if (json_unpack_ex(root, &bad, 0, "{s:I}", "format", &format))
		return shunt_fail(err, EINVAL, path, "not a state file of shuntd (%s); " STORE_MEND, bad.text);
	if (format < STORE_FORMAT_READ || format > STORE_FORMAT)
		return shunt_fail(err, EPROTO, path,
				  "state format %" JSON_INTEGER_FORMAT ", expected %d to %d: another version of shuntd "
				  "wrote it; run that version, or " STORE_MEND,
				  format, STORE_FORMAT_READ, STORE_FORMAT);
	return 0;
}

static int parse_state(const char *path, json_t *root, struct store_state *out, struct shunt_err *err)
{
	struct shunt_err bad_config = {0};
	json_int_t format, generation, revision = 0;
	json_error_t bad;
	const char *hash;
	json_t *config = NULL, *files = NULL;
	int ret;

	ret = check_format(path, root, err);
	if (ret)
		return ret;
	if (json_unpack_ex(root, &bad, 0, "{s:I,s:I,s?I,s:s,s?o,s?o!}", "format", &format, "generation", &generation,
			   "revision", &revision, "file_hash", &hash, "config", &config, "files", &files))
		return shunt_fail(err, EINVAL, path, "damaged (%s); " STORE_MEND, bad.text);
	if (!config != (format > STORE_FORMAT_WHOLE) || (!config && !revision))
		return shunt_fail(err, EINVAL, path, "damaged (%s); " STORE_MEND,
				  config ? "it has a configuration, and says that the history has it"
					 : "it has no configuration");
	if (generation < 0 || revision < 0)
		return shunt_fail(err, EINVAL, path, "damaged (%s is negative); " STORE_MEND,
				  generation < 0 ? "generation" : "revision");
	if (!parse_hash(hash, &out->file_hash))
		return shunt_fail(err, EINVAL, path,
				  "damaged (file_hash is \"%.40s\", expected 16 hex digits); " STORE_MEND, hash);
	out->generation = (uint64_t)generation;
	out->revision = (uint64_t)revision;
	out->config = config ? config_from_json(config, NULL, &bad_config) : NULL;
	if (config && !out->config)
		return shunt_fail(err, EINVAL, path, "%s; " STORE_MEND, shunt_err_text(&bad_config));
	out->files = json_incref(files);
	return 0;
}

static json_t *parse_file(const char *path, FILE *file, struct shunt_err *err)
{
	char where[sizeof(err->where)];
	json_error_t bad;
	json_t *root = json_loadf(file, JSON_REJECT_DUPLICATES, &bad);

	if (ferror(file)) {
		shunt_fail(err, EIO, path, "cannot read: %s; " STORE_MEND, strerror(errno));
		json_decref(root);
		return NULL;
	}
	if (!root) {
		snprintf(where, sizeof(where), "%s:%d", path, bad.line);
		shunt_fail(err, EINVAL, where, "damaged or cut short (%s); " STORE_MEND, bad.text);
	}
	return root;
}

static void make_directory_of(const char *path)
{
	char *copy = xstrdup(path);

	mkdir(dirname(copy), 0700); /* what else may be wrong with it, open() says */
	free(copy);
}

/* A file of its own, since the state file itself is replaced. It stays: a lock that is removed can be taken twice. */
int store_lock(const char *path, struct shunt_err *err)
{
	char *lock = xasprintf("%s.lock", path);
	int fd, rc;

	make_directory_of(path);
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		rc = shunt_fail(err, errno, lock, "cannot create: %s; expected a directory that the daemon may write",
				strerror(errno));
	else if (flock(fd, LOCK_EX | LOCK_NB))
		rc = shunt_fail(err, errno == EWOULDBLOCK ? EBUSY : errno, path,
				"is the state file of another shuntd that runs; give this one its own with --state");
	else
		rc = fd;
	if (rc < 0 && fd >= 0)
		close(fd);
	free(lock);
	return rc;
}

int store_load(const char *path, struct store_state *out, struct shunt_err *err)
{
	FILE *file = fopen(path, "re");
	json_t *root;
	int ret;

	memset(out, 0, sizeof(*out));
	if (!file && errno == ENOENT)
		return 0;
	if (!file)
		return shunt_fail(err, errno, path, "cannot open: %s; expected a file that the daemon may read",
				  strerror(errno));
	root = parse_file(path, file, err);
	fclose(file);
	if (!root)
		return -EINVAL;
	ret = parse_state(path, root, out, err);
	json_decref(root);
	return ret ? ret : 1;
}

/* What goes into the file; owned by the caller. NULL: out of memory. */
static char *state_text(const struct store_state *state)
{
	char hash[17], *text;
	json_t *root;

	snprintf(hash, sizeof(hash), "%016" PRIx64, state->file_hash);
	root = json_pack("{s:i,s:I,s:I,s:s}", "format", state->config ? STORE_FORMAT_WHOLE : STORE_FORMAT, "generation",
			 (json_int_t)state->generation, "revision", (json_int_t)state->revision, "file_hash", hash);
	if (state->config)
		json_object_set_new(root, "config", config_to_json(state->config));
	if (json_object_size(state->files))
		json_object_set(root, "files", state->files);
	text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	json_decref(root);
	return text;
}

/* 0 once all of it is on the disk. */
static int write_durably(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) ? -errno : 0;
}

int store_write(const char *path, const char *text, struct shunt_err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, STORE_MODE);
	int ret;

	if (fd < 0)
		return shunt_fail(err, errno, path, "cannot create: %s; expected a directory that the daemon may write",
				  strerror(errno));
	ret = write_durably(fd, text, strlen(text));
	if (close(fd) && !ret)
		ret = -errno;
	if (!ret)
		return 0;
	unlink(path);
	return shunt_fail(err, -ret, path, "cannot write %zu bytes: %s; nothing has changed", strlen(text),
			  strerror(-ret));
}

int store_prepare(const char *path, const struct store_state *state, struct shunt_err *err)
{
	char *next = new_path(path), *text = state_text(state);
	int ret;

	ret = text ? store_write(next, text, err) : shunt_fail(err, ENOMEM, path, "cannot write: out of memory");
	free(text);
	free(next);
	return ret;
}

static int open_directory_of(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	free(copy);
	return fd;
}

int store_sync_directory(const char *path)
{
	int fd = open_directory_of(path), rc = fd < 0 || fsync(fd) ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

/* Once renamed, the new file is what every reader finds: to report a failure after that would be wrong whichever way the
 * caller took it. The rename lives in the directory, so until that is synced a power cut may undo it. */
int store_commit(const char *path, struct shunt_err *err)
{
	int directory = open_directory_of(path), ret = 0;
	char *next = new_path(path);

	if (directory < 0 || rename(next, path)) {
		ret = shunt_fail(err, errno, path, "cannot replace it with %s: %s; nothing has changed", next,
				 strerror(errno));
		unlink(next);
	} else if (fsync(directory)) {
		log_warning("%s: replaced, but its directory cannot be synced (%s): a power cut now may bring back the "
			    "state before",
			    path, strerror(errno));
	}
	if (directory >= 0)
		close(directory);
	free(next);
	return ret;
}

void store_abort(const char *path)
{
	char *next = new_path(path);

	unlink(next);
	free(next);
}
