/* SPDX-License-Identifier: GPL-2.0 */
/*
 * shunt edit: the configuration in force, in the operator's editor, and back, as crontab -e does it. What was changed by
 * somebody else meanwhile is not overwritten: the edit is refused and kept, with the way to bring the two together.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/xalloc.h"
#include "../lib/yaml.h"
#include "apply.h"
#include "change.h"
#include "client.h"

#define SUFFIX ".yaml"

static const char *editor_command(void)
{
	const char *visual = getenv("VISUAL"), *editor = getenv("EDITOR");

	if (visual && visual[0])
		return visual;
	return editor && editor[0] ? editor : "vi";
}

/* The command may have arguments of its own, so a shell reads it; the file's name it does not read. */
static int run_editor(const char *path, struct shunt_err *err)
{
	const char *command = editor_command();
	char *line = xasprintf("%s \"$1\"", command);
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", line, "sh", path, (char *)NULL);
		_exit(127);
	}
	free(line);
	if (pid < 0)
		return shunt_fail(err, errno, command, "cannot be started: %s", strerror(errno));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return shunt_fail(err, EIO, command,
			  "the editor failed, nothing was changed; $VISUAL or $EDITOR names another");
}

/* Only its owner may read it: the seed is in it. Returns its path, owned by the caller, or NULL with *err. */
static char *write_draft(const char *text, struct shunt_err *err)
{
	const char *directory = getenv("TMPDIR");
	char *path = xasprintf("%s/shunt-edit-XXXXXX" SUFFIX, directory && directory[0] ? directory : "/tmp");
	int fd = mkstemps(path, sizeof(SUFFIX) - 1);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (file && fputs(text, file) >= 0 && fclose(file) == 0)
		return path;
	shunt_fail(err, errno, path, "cannot be written: %s; $TMPDIR names another directory", strerror(errno));
	if (fd >= 0)
		unlink(path);
	free(path);
	return NULL;
}

static bool is_unchanged(const char *path, const char *text, struct shunt_err *err)
{
	size_t len;
	char *edited = yaml_read(path, &len, err);
	bool same = edited && len == strlen(text) && memcmp(edited, text, len) == 0;

	free(edited);
	return same;
}

/* Of an edit that is not in force yet, all there is is the file. */
static void say_kept(struct cli *cli, const char *path)
{
	struct shunt_err err = {0};

	shunt_fail(
		&err, ECANCELED, path,
		"nothing was changed; the edit is kept in this file: mend it there, and `shunt apply` it. If another "
		"change came between, `shunt export` prints what is in force now, with the ETag for `shunt apply "
		"--if-match`");
	output_error(cli->out, &err);
}

static int edit_draft(struct cli *cli, const char *path, const char *text, bool force)
{
	char *etag = xstrdup(cli->etag);
	struct shunt_err err = {0};
	int status = STATUS_REFUSED;

	if (run_editor(path, &err)) {
		output_error(cli->out, &err);
	} else if (is_unchanged(path, text, &err)) {
		output_message(cli->out, "nothing to change");
		status = STATUS_OK;
	} else {
		status = apply_file(cli, path, etag, force);
	}
	free(etag);
	if (status != STATUS_OK && !is_unchanged(path, text, &err))
		say_kept(cli, path);
	else
		unlink(path);
	return status;
}

static int refuse_reader(struct cli *cli)
{
	struct shunt_err err = {0};

	shunt_fail(&err, EACCES, cli->socket,
		   "no permission to change anything; run as root or as a member of the "
		   "socket's group");
	output_error(cli->out, &err);
	return STATUS_REFUSED;
}

static int edit(struct cli *cli, int argc, char **argv)
{
	bool force = change_take_flag(&argc, argv, "--force");
	int status = change_expect_args(cli, "edit", argc, argv, 0, NULL);
	struct shunt_err err = {0};
	json_t *config = NULL;
	char *text, *path;

	if (status == STATUS_OK)
		status = client_get(cli, "/v1/config", &config);
	if (status != STATUS_OK)
		return status;
	text = export_text(config, cli->etag, cli->read_only);
	json_decref(config);
	path = cli->read_only ? NULL : write_draft(text, &err);
	if (path)
		status = edit_draft(cli, path, text, force);
	else if (cli->read_only)
		status = refuse_reader(cli);
	else
		output_error(cli->out, &err);
	if (err.what[0])
		status = STATUS_REFUSED;
	free(path);
	free(text);
	return status;
}

const struct command edit_commands[] = {
	{"edit", NULL, "[--force]",
	 "edit the configuration in force with $VISUAL or $EDITOR, and apply it, unless somebody has changed it "
	 "meanwhile; --force: also where services go that have traffic",
	 edit},
	{NULL, NULL, NULL, NULL, NULL},
};
