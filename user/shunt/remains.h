/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a daemon that is not there any more has left behind: maps that are pinned, and a program on interfaces that uses them. The
 * daemon writes the time into shunt_control once a second, so even one that was killed has said until when it lived.
 */
#ifndef SHUNT_REMAINS_H
#define SHUNT_REMAINS_H

#include <stdbool.h>
#include <stdint.h>

enum remains_kind {
	REMAINS_NOTHING, /* no maps are pinned there */
	REMAINS_HIDDEN,	 /* we may not look */
	REMAINS_MAPS,	 /* that no program uses */
	REMAINS_PROGRAM, /* packets are forwarded */
};

struct remains {
	enum remains_kind kind;
	uint64_t alive; /* Unix time at which a daemon was seen last; 0: not known */
	int error;	/* REMAINS_HIDDEN: errno */
};

/* remains.c: as the kernel has it. */
struct remains remains_read(const char *pin_dir);

/* remains_text.c, pure: a sentence about it, the caller's. now: Unix time. */
char *remains_text(const struct remains *remains, const char *pin_dir, uint64_t now);

#endif
