/* SPDX-License-Identifier: GPL-2.0 */
/* shunt edit, and what it stands on: tags in export and apply; and the command of somebody who may only look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli_run.h"

/* No draft is left but where the command says so. */
#define DRAFTS "ls $TMPDIR | wc -l"

static void tags(void **state)
{
	static const struct cli_row rows[] = {
		{"$SHUNT export > $DIR/a.yaml; cp $DIR/a.yaml $DIR/b.yaml; head -1 $DIR/a.yaml", 0, "# ETag: \"", ""},
		{"sed -n 's/^# ETag: //p' $DIR/a.yaml > $DIR/etag; sed -i 's/10.1.0.11/10.1.0.21/' $DIR/a.yaml; "
		 "sed -i 's/10.1.0.11/10.1.0.31/' $DIR/b.yaml; $SHUNT apply --if-match \"$(cat $DIR/etag)\" "
		 "$DIR/a.yaml",
		 0, "done (generation 2)\n", ""},
		{"$SHUNT apply $DIR/b.yaml --if-match=\"$(cat $DIR/etag)\"", 1, "",
		 "shunt: If-Match: the configuration in force has the ETag \""},
		{"$SHUNT export | grep -c 10.1.0.21", 0, "1\n", ""},
		/* without the quotes, which shells eat */
		{"$SHUNT apply --if-match $($SHUNT export | sed -n 's/^# ETag: \"\\(.*\\)\"/\\1/p') $DIR/b.yaml", 0,
		 "done (generation 3)\n", ""},
		{"$SHUNT apply --if-match 'a b' $DIR/b.yaml", 1, "", "If-Match: \"a b\" is not a list of entity tags"},
		{"rm $DIR/a.yaml $DIR/b.yaml $DIR/etag", 0, "", ""},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

static void editing(void **state)
{
	static const struct cli_row rows[] = {
		{"mkdir $TMPDIR", 0, "", ""},
		{"EDITOR=true $SHUNT edit; " DRAFTS, 0, "nothing to change\n0\n", ""},
		{"EDITOR='sed -i s/10.1.0.31/10.1.0.41/' $SHUNT edit; " DRAFTS, 0, "done (generation 4)\n0\n", ""},
		{"$SHUNT export | grep -c 10.1.0.41", 0, "1\n", ""},
		{"EDITOR=true VISUAL='sed -i s/10.1.0.41/10.1.0.51/' $SHUNT edit; " DRAFTS, 0,
		 "done (generation 5)\n0\n", ""},
		{"EDITOR=false $SHUNT edit", 1, "", "shunt: false: the editor failed, nothing was changed"},
		{"EDITOR=/no/such/editor $SHUNT edit", 1, "", "the editor failed"},
		{DRAFTS, 0, "0\n", ""},
		/* a mistake is not lost work */
		{"EDITOR='sed -i s/10.1.0.51/10.1.0/' $SHUNT edit", 1, "", "the edit is kept in this file"},
		{"grep -l 10.1.0$ $TMPDIR/*.yaml && stat -c %a $TMPDIR/*.yaml && rm $TMPDIR/*", 0, "600\n", ""},
		/* somebody else was faster */
		{"EDITOR='$SHUNT backend add web 10.1.0.61; sed -i s/10.1.0.51/10.1.0.52/' $SHUNT edit", 1, "added",
		 "shunt: If-Match: the configuration in force has the ETag \""},
		{"$SHUNT export | grep -c '10.1.0.[56]1'", 0, "2\n", ""},
		{"rm $TMPDIR/*; rmdir $TMPDIR", 0, "", ""},
	};
	char path[160];

	(void)state;
	snprintf(path, sizeof(path), "%s/drafts", fake.dir);
	setenv("TMPDIR", path, 1);
	unsetenv("VISUAL");
	cli_rows(rows, COUNT(rows));
	unsetenv("TMPDIR");
}

/* Root without its power over files, which the socket's mode is then for, too. */
#define READER "setpriv --bounding-set=-dac_override,-dac_read_search $SHUNT "

static void readers(void **state)
{
	static const struct cli_row rows[] = {
		{"chmod 0 $SHUNT_SOCKET; " READER "status", 0, "SERVICE", ""},
		{READER "backend list web", 0, "10.1.0.51", ""},
		{READER "stats", 0, "SERVICE", ""},
		{READER "version", 0, "shuntd ", ""},
		{READER "export | head -1", 0, "# Without the seed", ""},
		{READER "export | grep -c seed:", 1, "0\n", ""},
		{READER "backend add web 10.1.0.71", 3, "", "no permission to talk to the daemon"},
		{READER "edit", 1, "", "no permission to change anything"},
		{"$SHUNT -s $DIR/api-ro.sock status", 0, "SERVICE", ""},
		{"$SHUNT -s $DIR/api-ro.sock backend add web 10.1.0.71", 1, "",
		 "is for reading; use the daemon's other one"},
		{"chmod 0 $DIR/api-ro.sock; " READER "status", 3, "", "/api.sock: no permission to talk to the daemon"},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags),
		cmocka_unit_test(editing),
		cmocka_unit_test(readers),
	};

	return cmocka_run_group_tests_name("cli_edit", tests, start_cli, stop_fake);
}
