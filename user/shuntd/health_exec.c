/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Probes by a command: it passes with exit status 0, and the first line that it writes, to either output, is its reason.
 *
 * No shell, a clean environment, / as directory, /dev/null to read, no descriptors but the three, and a process group of its own,
 * which is killed when the probe is cancelled, and when the command ends, so that what it
 * started ends with the check, unless that has made itself a session. At most
 * RUNNING_MAX run at a time; the others wait, and their time begins when they do.
 *
 * A hook (hook.h) is run alike, but what it has started when it ends is to stay, so only one that is cancelled takes its group with it.
 *
 * A cancelled probe stays until its process has been waited for: to drop it earlier would leave a zombie, and its place is not
 * free before. A command that cannot be started says nothing about the backend: a file that is missing here must not empty a service.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "../lib/xalloc.h"
#include "health_probe.h"

#define RUNNING_MAX 16
#define SAID_MAX 96
#define PATH_ENV "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct probe_exec {
	struct probe probe;
	struct probe_exec_pool *pool;
	TAILQ_ENTRY(probe_exec) entry; /* while it waits */
	char **command, *env[5];
	uv_process_t process;
	uv_pipe_t output;
	unsigned int handles; /* to be closed */
	bool cancelled;
	bool is_hook; /* what it starts stays when it ends */
	char buf[512], line[SAID_MAX];
	size_t line_len;
	bool line_ended;
};

struct probe_exec_pool {
	uv_loop_t *loop;
	TAILQ_HEAD(, probe_exec) waiting;
	unsigned int running; /* processes that have not been waited for */
	bool closed, held;    /* held: exit_cb() is not done with it */
};

static void exec_free(struct probe_exec *exec)
{
	for (size_t i = 0; exec->command[i]; i++)
		free(exec->command[i]);
	free(exec->command);
	for (size_t i = 0; exec->env[i]; i++)
		free(exec->env[i]);
	free(exec);
}

static void pool_free(struct probe_exec_pool *pool)
{
	if (pool->closed && !pool->held && !pool->running)
		free(pool);
}

static void closed_cb(uv_handle_t *handle)
{
	struct probe_exec *exec = handle->data;

	if (--exec->handles == 0)
		exec_free(exec);
}

/* ---- what a command says ---- */

static void take_output(struct probe_exec *exec, const char *text, size_t len)
{
	for (size_t i = 0; i < len && !exec->line_ended; i++) {
		exec->line_ended = text[i] == '\n' || exec->line_len == SAID_MAX - 1;
		if (!exec->line_ended)
			exec->line[exec->line_len++] = text[i];
	}
}

static void alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct probe_exec *exec = handle->data;

	(void)suggested;
	*buf = uv_buf_init(exec->buf, sizeof(exec->buf));
}

/* Read on behind the first line: a command that nobody listens to would stop at a full pipe. */
static void read_cb(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	if (got < 0)
		uv_read_stop(stream);
	else
		take_output(stream->data, buf->base, got);
}

static void result_of(struct probe_exec *exec, int64_t status, int by_signal, struct probe_result *result)
{
	const char *colon = exec->line_len ? ": " : "";

	exec->line[exec->line_len] = '\0';
	if (by_signal)
		probe_result_set(result, PROBE_FAIL, "exec: ended by signal %d (%s)%s%s", by_signal,
				 strsignal(by_signal), colon, exec->line);
	else
		probe_result_set(result, status ? PROBE_FAIL : PROBE_PASS, "exec: exit status %d%s%s", (int)status,
				 colon, exec->line);
}

/* ---- one process ---- */

static void run_next(struct probe_exec_pool *pool);

static void kill_group(const struct probe_exec *exec)
{
	kill(-exec->process.pid, SIGKILL);
}

/* What was said has been read: libuv looks at what else happened in a turn of the loop before it looks at children. */
static void exit_cb(uv_process_t *process, int64_t status, int by_signal)
{
	struct probe_exec *exec = process->data;
	struct probe_exec_pool *pool = exec->pool;
	struct probe_caller caller = exec->probe.caller;
	bool cancelled = exec->cancelled;
	struct probe_result result;

	pool->held = true;
	pool->running--;
	if (!exec->is_hook)
		kill_group(exec);
	result_of(exec, status, by_signal, &result);
	uv_close((uv_handle_t *)&exec->output, closed_cb);
	uv_close((uv_handle_t *)process, closed_cb);
	if (!cancelled)
		caller.done(caller.arg, &result); /* may close the pool, as those of run_next() may */
	run_next(pool);
	pool->held = false;
	pool_free(pool);
}

/* The command with its outputs in fd: 0, or an errno of libuv's. */
static int spawn(struct probe_exec *exec, int fd)
{
	uv_stdio_container_t stdio[3] = {
		{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = fd},
		{.flags = UV_INHERIT_FD, .data.fd = fd},
	};
	const uv_process_options_t options = {
		.exit_cb = exit_cb,
		.file = exec->command[0],
		.args = exec->command,
		.env = exec->env,
		.cwd = "/",
		.flags = UV_PROCESS_DETACHED, /* a session, and so a group, of its own */
		.stdio_count = 3,
		.stdio = stdio,
	};

	/* Libraries open descriptors without O_CLOEXEC (libcurl's socketpair is one), which nothing here may inherit. */
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	return uv_spawn(exec->pool->loop, &exec->process, &options);
}

/* False with *result: not started, and freed with its handles. */
static bool run(struct probe_exec *exec, struct probe_result *result)
{
	struct probe_exec_pool *pool = exec->pool;
	int out[2], ret;

	if (pipe2(out, O_CLOEXEC)) {
		probe_result_set(result, PROBE_UNKNOWN, "exec: pipe: %s", strerror(errno));
		exec_free(exec);
		return false;
	}
	uv_pipe_init(pool->loop, &exec->output, 0);
	exec->output.data = exec->process.data = exec;
	uv_pipe_open(&exec->output, out[0]);
	uv_read_start((uv_stream_t *)&exec->output, alloc_cb, read_cb);
	exec->handles = 2;
	ret = spawn(exec, out[1]);
	close(out[1]);
	if (!ret) {
		pool->running++;
		exec->probe.waits = false;
		return true;
	}
	probe_result_set(result, PROBE_UNKNOWN, "exec: %s: %s", exec->command[0], strerror(-ret));
	uv_close((uv_handle_t *)&exec->output, closed_cb);
	uv_close((uv_handle_t *)&exec->process, closed_cb);
	return false;
}

static void run_next(struct probe_exec_pool *pool)
{
	struct probe_result result;
	struct probe_exec *exec;

	while (pool->running < RUNNING_MAX && (exec = TAILQ_FIRST(&pool->waiting))) {
		struct probe_caller caller = exec->probe.caller;

		TAILQ_REMOVE(&pool->waiting, exec, entry);
		if (run(exec, &result))
			caller.begun(caller.arg);
		else
			caller.done(caller.arg, &result);
	}
}

static void exec_cancel(struct probe *probe)
{
	struct probe_exec *exec = (struct probe_exec *)probe;

	if (probe->waits) {
		TAILQ_REMOVE(&exec->pool->waiting, exec, entry);
		exec_free(exec);
		return;
	}
	exec->cancelled = true;
	kill_group(exec);
}

static void set_environment(struct probe_exec *exec, const struct probe_target *target)
{
	char text[SHUNT_ADDR_TEXT];
	size_t n = 0;

	exec->env[n++] = xstrdup(PATH_ENV);
	exec->env[n++] = xasprintf("SHUNT_SERVICE=%s", target->service);
	if (target->pool) {
		exec->env[n++] = xasprintf("SHUNT_POOL=%s", target->pool);
		exec->env[n++] = xasprintf("SHUNT_ACTION=%s", target->action);
		return;
	}
	exec->env[n++] = xasprintf("SHUNT_BACKEND=%s", addr_format(target->backend, text));
	if (target->port)
		exec->env[n++] = xasprintf("SHUNT_PORT=%u", target->port);
}

struct probe *probe_exec_start(struct probers *probers, const struct probe_target *target,
			       const struct probe_caller *caller, struct probe_result *result)
{
	struct probe_exec_pool *pool = probers->exec;
	struct probe_exec *exec = xcalloc(1, sizeof(*exec));
	size_t count = 0;

	exec->probe = (struct probe){.cancel = exec_cancel, .caller = *caller};
	exec->pool = pool;
	exec->is_hook = target->pool;
	while (target->check->command[count])
		count++;
	exec->command = xcalloc(count + 1, sizeof(*exec->command));
	for (size_t i = 0; i < count; i++)
		exec->command[i] = xstrdup(target->check->command[i]);
	set_environment(exec, target);
	if (pool->running < RUNNING_MAX && TAILQ_EMPTY(&pool->waiting))
		return run(exec, result) ? &exec->probe : NULL;
	exec->probe.waits = true;
	TAILQ_INSERT_TAIL(&pool->waiting, exec, entry);
	return &exec->probe;
}

/* ---- the pool ---- */

struct probe_exec_pool *probe_exec_open(uv_loop_t *loop)
{
	struct probe_exec_pool *pool = xcalloc(1, sizeof(*pool));

	pool->loop = loop;
	TAILQ_INIT(&pool->waiting);
	return pool;
}

void probe_exec_close(struct probe_exec_pool *pool)
{
	pool->closed = true;
	pool_free(pool);
}
