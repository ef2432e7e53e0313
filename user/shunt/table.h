/* SPDX-License-Identifier: GPL-2.0 */
/* Aligned columns, and numbers as people read them: for text output only. */
#ifndef SHUNT_TABLE_H
#define SHUNT_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table;

/* headings: "NAME|>PACKETS|STATE"; '>' makes a column flush right. */
struct table *table_new(const char *headings);

/* The next cell, row after row. */
__attribute__((format(printf, 2, 3))) void table_cell(struct table *t, const char *fmt, ...);

/* Print all rows, and free the table. */
void table_print(struct table *t);

/* Returned texts stand in buf, of HUMAN_TEXT bytes. */
#define HUMAN_TEXT 32
const char *human_count(uint64_t n, char *buf);		 /* "999", "1.2 M" */
const char *human_bytes(uint64_t n, char *buf);		 /* "999 B", "3.4 GB" */
const char *human_duration(uint64_t seconds, char *buf); /* "42s", "3m 12s", "2h 5m", "3d 4h" */

#endif
