/* SPDX-License-Identifier: GPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "api_client.h"

struct fake_daemon fake;

static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
	struct answer *a = arg;

	a->text = realloc(a->text, a->len + size * count + 1);
	memcpy(a->text + a->len, data, size * count);
	a->len += size * count;
	a->text[a->len] = '\0';
	return size * count;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct answer *a = arg;
	char line[256];

	snprintf(line, sizeof(line), "%.*s", (int)(size * count), data);
	line[strcspn(line, "\r\n")] = '\0';
	if (strncmp(line, "Allow: ", 7) == 0)
		snprintf(a->allow, sizeof(a->allow), "%.60s", line + 7);
	if (strncmp(line, "ETag: ", 6) == 0)
		snprintf(a->etag, sizeof(a->etag), "%.60s", line + 6);
	return size * count;
}

static size_t on_upload(char *buffer, size_t size, size_t count, void *arg)
{
	struct call *c = arg;
	size_t left = c->len - c->sent, n = left < size * count ? left : size * count;

	memcpy(buffer, c->body + c->sent, n);
	c->sent += n;
	return n;
}

static void set_body(CURL *curl, struct call *c, struct curl_slist **headers)
{
	char type[128];

	if (!c->body)
		return;
	if (c->len == 0)
		c->len = strlen(c->body);
	snprintf(type, sizeof(type), "Content-Type:%s%s", c->type ? " " : "", c->type ? c->type : "");
	*headers = curl_slist_append(*headers, type);
	if (c->chunked) {
		*headers = curl_slist_append(*headers, "Transfer-Encoding: chunked");
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_upload);
		curl_easy_setopt(curl, CURLOPT_READDATA, c);
	} else {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, c->body);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)c->len);
	}
}

struct answer call(struct call c)
{
	struct answer a = {.length = -1};
	struct curl_slist *headers = NULL;
	CURL *curl = curl_easy_init();
	curl_off_t length;
	char url[512], *type;
	CURLcode code;

	snprintf(url, sizeof(url), "http://localhost%s", c.path);
	set_body(curl, &c, &headers);
	for (size_t i = 0; i < COUNT(c.headers) && c.headers[i]; i++)
		headers = curl_slist_append(headers, c.headers[i]);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, c.socket ? c.socket : fake.socket);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, c.method);
	if (strcmp(c.method, "HEAD") == 0)
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &a);
	code = curl_easy_perform(curl);
	if (code != CURLE_OK)
		fail_msg("%s %s: %s", c.method, c.path, curl_easy_strerror(code));
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a.status);
	if (curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type)
		snprintf(a.type, sizeof(a.type), "%s", type);
	curl_easy_getinfo(curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	a.length = length;
	a.json = a.len ? json_loadb(a.text, a.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return a;
}

struct answer get(const char *path)
{
	return call((struct call){.method = "GET", .path = path});
}

struct answer post(const char *path, const char *body)
{
	return call((struct call){.method = "POST", .path = path, .type = "application/json", .body = body});
}

void forget(struct answer *a)
{
	json_decref(a->json);
	free(a->text);
}

/* Does json hold all that part does? */
static bool holds(const json_t *json, const json_t *part)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_array(part)) {
		if (!json_is_array(json) || json_array_size(json) != json_array_size(part))
			return false;
		json_array_foreach (part, i, value) {
			if (!holds(json_array_get(json, i), value))
				return false;
		}
		return true;
	}
	if (!json_is_object(part))
		return json_equal(json, part);
	json_object_foreach ((json_t *)part, key, value) {
		if (!holds(json_object_get(json, key), value))
			return false;
	}
	return true;
}

void expect(const struct answer *a, long status, const char *expected)
{
	char *text = strdup(expected);
	json_t *part;

	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	part = json_loads(text, 0, NULL);
	assert_non_null(part);
	if (a->status != status || !holds(a->json, part))
		fail_msg("HTTP %ld: %.*s\nexpected HTTP %ld: %s", a->status, (int)a->len, a->text ? a->text : "",
			 status, text);
	assert_string_equal(a->type, status == 200 ? "application/json" : "application/problem+json");
	json_decref(part);
	free(text);
}

void expect_get(const char *path, const char *expected)
{
	struct answer a = get(path), head = call((struct call){.method = "HEAD", .path = path});

	expect(&a, 200, expected);
	assert_int_equal(head.status, 200);
	assert_int_equal(head.len, 0);
	assert_int_equal(head.length, a.length);
	forget(&a);
	forget(&head);
}

int start_fake(void **state)
{
	(void)state;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	fake_daemon_start(&fake);
	return 0;
}

int stop_fake(void **state)
{
	(void)state;
	curl_global_cleanup();
	return fake.pid ? fake_daemon_stop(&fake) : 0;
}
