/* SPDX-License-Identifier: GPL-2.0 */
/* An HTTP client for the tests of the API, over libcurl. Ends the test when there is no answer at all. */
#ifndef SHUNT_TEST_API_CLIENT_H
#define SHUNT_TEST_API_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "fake_daemon.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* That the calls go to; started and stopped with the group of tests. */
extern struct fake_daemon fake;
int start_fake(void **state);
int stop_fake(void **state);

struct call {
	const char *method, *path, *type, *body;
	const char *socket;	/* NULL: the one for everything */
	const char *headers[3]; /* "Name: value" */
	size_t len;		/* of body; 0: a text */
	bool chunked;		/* send without a Content-Length */
	size_t sent;
};

struct answer {
	long status;
	char type[64], allow[64], etag[64];
	long long length; /* Content-Length, -1: none */
	json_t *json;
	char *text;
	size_t len;
};

struct answer call(struct call c);
struct answer get(const char *path);
struct answer post(const char *path, const char *body); /* of JSON */
void forget(struct answer *a);

/* Is it of this status, and does its JSON hold all of expected (written with single quotes)? Lists are compared element by element. */
void expect(const struct answer *a, long status, const char *expected);

/* GET and HEAD of path are answered, and alike. */
void expect_get(const char *path, const char *expected);

#endif
