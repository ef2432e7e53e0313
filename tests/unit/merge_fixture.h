/* SPDX-License-Identifier: GPL-2.0 */
/* For the tests of how files of services are merged: a directory of such files, what a daemon would have of them, and a merge. */
#ifndef TEST_MERGE_FIXTURE_H
#define TEST_MERGE_FIXTURE_H

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/lib/config_dir.h"
#include "../../user/lib/config_faults.h"
#include "../../user/lib/config_merge.h"
#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/store.h"

#define HEAD "interfaces: [eth0]\nsource: {ipv4: 172.31.0.0/16}\n"
#define SERVICE(name, vip) "services:\n  - name: " name "\n    vips: [" vip "]\n"

static char dir[] = "/tmp/shunt-merge-XXXXXX";

/* What a daemon would have. */
static struct config *present;
static uint64_t main_hash;
static json_t *hashes;
static const char *busy; /* a service that may not go */

static inline void write_file(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	free(path);
}

static inline void delete_file(const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(unlink(path), 0);
	free(path);
}

static inline void team(const char *name, const char *text)
{
	char *path = xasprintf("services.d/%s", name);

	if (text)
		write_file(path, text);
	else
		delete_file(path);
	free(path);
}

static inline int may_go(void *arg, const char *service, struct shunt_err *err)
{
	(void)arg;
	if (!busy || strcmp(busy, service))
		return 0;
	return shunt_fail(err, EBUSY, "services[busy]", "had 7 packets");
}

/* Without the temporary directory's path. */
static inline char *tidy(char *text)
{
	char *at;

	while ((at = strstr(text, dir)))
		memmove(at, at + strlen(dir) + 1, strlen(at + strlen(dir) + 1) + 1);
	return text;
}

static inline char *faults_text(const json_t *faults)
{
	char *text = xstrdup("");
	json_t *fault;
	size_t i;

	json_array_foreach (faults, i, fault) {
		const char *where = json_string_value(json_object_get(fault, "where"));
		char *longer = xasprintf("%s%s%s: %s", text, i ? "\n" : "", where ? where : "",
					 json_string_value(json_object_get(fault, "detail")));

		free(text);
		text = longer;
	}
	return tidy(text);
}

/* Services as "name/file vip", in their order. */
static inline char *services_text(void)
{
	char *text = xstrdup(""), vip[SHUNT_ADDR_TEXT];

	for (size_t i = 0; i < present->service_count; i++) {
		const struct config_service *service = &present->services[i];
		char *longer = xasprintf("%s%s%s/%s %s", text, i ? ", " : "", service->name, service->file,
					 vip_format(&service->vips[0], vip));

		free(text);
		text = longer;
	}
	return text;
}

static inline void merge(bool all, const char *refused, const char *services)
{
	char *path = xasprintf("%s/shunt.yaml", dir), *said, *is;
	struct config_dir read;
	struct shunt_err err = {0};
	struct config_merge m = {.dir = &read,
				 .present = present,
				 .main_hash = main_hash,
				 .hashes = hashes,
				 .all = all,
				 .may_go = may_go};

	if (config_dir_read(&read, path, store_hash, &err) || config_merge(&m, &err))
		config_add_fault(m.refused ? m.refused : (m.refused = json_array()), path, &err);
	said = faults_text(m.refused);
	assert_string_equal(said, refused);
	if (m.next) {
		config_free(present);
		json_decref(hashes);
		present = m.next;
		hashes = m.next_hashes;
		main_hash = read.main.hash;
	} else {
		json_decref(m.next_hashes);
	}
	is = services_text();
	assert_string_equal(is, services);
	json_decref(m.refused);
	config_dir_release(&read);
	free(is);
	free(said);
	free(path);
}

/* By command. */
static inline void set_timeout(const char *name, uint32_t seconds)
{
	((struct config_service *)config_find_service(present, name))->idle_timeout = seconds;
}

static inline uint32_t timeout_of(const char *name)
{
	return config_find_service(present, name)->idle_timeout;
}

static inline int make_directory(void **state)
{
	char *path;
	int rc;

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	path = xasprintf("%s/services.d", dir);
	rc = mkdir(path, 0700);
	free(path);
	return rc;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

static inline int remove_directory(void **state)
{
	(void)state;
	config_free(present);
	json_decref(hashes);
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
