// SPDX-License-Identifier: GPL-2.0
/* Start-up order, as one page, and teardown in reverse. What the daemon does is in daemon.c. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/config_faults.h"
#include "../lib/log.h"
#include "../lib/sockets.h"
#include "api.h"
#include "daemon.h"
#include "events.h"
#include "store.h"
#include "via.h"

struct options {
	const char *config, *state, *socket, *pin_dir;
	const char *read_socket, *read_group; /* NULL: beside socket; the daemon's group */
	bool check, detach;
};

static const char usage[] =
	"usage: shuntd [options]\n"
	"The daemon of shunt: loads and attaches the XDP program, and keeps its tables true. Stays in the foreground.\n"
	"\n"
	"  -c, --config FILE     configuration (/etc/shunt/shunt.yaml)\n"
	"      --state FILE      where changes by command are kept (/var/lib/shunt/state.json)\n"
	"  -s, --socket PATH     API socket (/run/shunt/shunt.sock)\n"
	"      --read-socket S   socket for reading only, or none (/run/shunt/shunt-ro.sock: the API socket's, with "
	"-ro)\n"
	"      --read-group G    group whose members may read there (the daemon's)\n"
	"      --pin-dir DIR     where maps are pinned, on a bpffs (/sys/fs/bpf/shunt)\n"
	"      --check           check the configuration file and exit\n"
	"      --detach          without a daemon: take the program off all interfaces and remove the pins\n"
	"  -l, --log-level L     error, warning, info (default) or debug\n"
	"  -V, --version         print the version and exit\n"
	"  -h, --help            print this\n"
	"\n"
	"SIGHUP reads the configuration file again. SIGTERM ends the daemon; forwarding goes on as configured.\n";

static int set_log_level(const char *name)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};

	for (int i = 0; i < 4; i++)
		if (!strcmp(name, names[i])) {
			log_set_level(i);
			return 0;
		}
	fprintf(stderr, "shuntd: --log-level %s: expected error, warning, info or debug\n", name);
	return -EINVAL;
}

enum { STATE = 256, PIN_DIR, CHECK, DETACH, READ_SOCKET, READ_GROUP };
static const struct option longs[] = {
	{"config", required_argument, NULL, 'c'},
	{"state", required_argument, NULL, STATE},
	{"socket", required_argument, NULL, 's'},
	{"read-socket", required_argument, NULL, READ_SOCKET},
	{"read-group", required_argument, NULL, READ_GROUP},
	{"pin-dir", required_argument, NULL, PIN_DIR},
	{"check", no_argument, NULL, CHECK},
	{"detach", no_argument, NULL, DETACH},
	{"log-level", required_argument, NULL, 'l'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* 0: go on; 1: done; negative: usage error. */
static int parse_options(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "c:s:l:Vh", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 's':
			o->socket = optarg;
			break;
		case 'l':
			if (set_log_level(optarg))
				return -EINVAL;
			break;
		case STATE:
			o->state = optarg;
			break;
		case READ_SOCKET:
			o->read_socket = optarg;
			break;
		case READ_GROUP:
			o->read_group = optarg;
			break;
		case PIN_DIR:
			o->pin_dir = optarg;
			break;
		case CHECK:
			o->check = true;
			break;
		case DETACH:
			o->detach = true;
			break;
		case 'V':
			printf("shuntd %s (map format %u)\n", SHUNT_VERSION, SHUNT_FORMAT);
			return 1;
		case 'h':
			fputs(usage, stdout);
			return 1;
		default:
			fputs("Try `shuntd --help`.\n", stderr);
			return -EINVAL;
		}
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "shuntd: unexpected argument \"%s\"; try `shuntd --help`\n", argv[optind]);
	return -EINVAL;
}

/* The last fault is for the caller to say. */
static int check_file(const char *path, struct shunt_err *err)
{
	json_t *faults = json_array(), *fault;
	char *main_path;
	struct config *config = config_verify(path, faults, &main_path);
	size_t count = json_array_size(faults), i;

	json_array_foreach (faults, i, fault) {
		shunt_fail(err, EINVAL, json_string_value(json_object_get(fault, "where")), "%s",
			   json_string_value(json_object_get(fault, "detail")));
		if (i + 1 < count)
			log_error("%s", shunt_err_text(err));
	}
	if (!count)
		printf("%s: ok\n", main_path);
	config_free(config);
	json_decref(faults);
	free(main_path);
	return count ? -EINVAL : 0;
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct daemon *d = handle->data;
	static const struct history_origin origin = {"SIGHUP", -1, -1, NULL};
	const struct reload_ask ask = {0};
	struct shunt_err err;
	bool changed;

	if (signum != SIGHUP) {
		events_say(JOURNAL_DAEMON, LOG_LEVEL_INFO, "%s: ending; forwarding goes on as configured",
			   strsignal(signum));
		uv_stop(d->loop);
		return;
	}
	daemon_set_cause(d, "SIGHUP");
	daemon_reload(d, &ask, &origin, &changed, &err); /* which tells what is refused */
}

static void on_closed(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* From here on signals are events of the loop, which begins once all else stands. */
static void watch_signals(struct daemon *d, uv_signal_t handles[3])
{
	static const int signals[] = {SIGHUP, SIGTERM, SIGINT};

	for (int i = 0; i < 3; i++) {
		uv_signal_init(d->loop, &handles[i]);
		handles[i].data = d;
		uv_signal_start(&handles[i], on_signal, signals[i]);
	}
}

static int start_daemon(struct daemon *d, struct config *config, struct shunt_err *err)
{
	static const struct history_origin origin = {"start", -1, -1, NULL};
	int rc = daemon_open(d, err);

	daemon_set_cause(d, "the start");
	if (!rc)
		rc = daemon_commit(d, config, &origin, err);
	if (rc)
		config_free(config);
	/* Maps made for a start that failed were never in use: leave nothing of them. */
	if (rc && !attach_adopted(d->attach) && attach_detach(d->attach, NULL))
		log_error("what this start made could not be removed again; `shuntd --detach` does");
	return rc;
}

static int open_sockets(struct daemon *d, const struct options *o, struct shunt_err *err)
{
	char *beside = o->read_socket ? NULL : socket_for_reading(o->socket);
	const struct api_options all = {.path = o->socket};
	const struct api_options reading = {.path = beside ? beside : o->read_socket,
					    .access = API_READ,
					    .group = o->read_group,
					    .connections = 32};
	int rc = api_open(&d->api, d, &all, err);

	if (!rc && strcmp(reading.path, "none") != 0)
		rc = api_open(&d->read_api, d, &reading, err);
	free(beside);
	return rc;
}

static void close_sockets(struct daemon *d)
{
	api_close(d->read_api);
	api_close(d->api);
	d->read_api = d->api = NULL;
}

/* With the maps open. config is taken over. */
static int forward(struct daemon *d, const struct options *o, struct config *config, struct shunt_err *err)
{
	uv_signal_t handles[3];
	int rc;

	watch_signals(d, handles);
	rc = start_daemon(d, config, err);
	if (!rc) {
		events_say(JOURNAL_DAEMON, LOG_LEVEL_INFO, "shuntd %s: started, services %zu, %s, API on %s",
			   SHUNT_VERSION, d->config->service_count,
			   attach_adopted(d->attach) ? "maps taken over" : "maps made anew", o->socket);
		uv_run(d->loop, UV_RUN_DEFAULT);
	}
	close_sockets(d);
	daemon_close(d);
	uv_walk(d->loop, on_closed, NULL);
	uv_run(d->loop, UV_RUN_DEFAULT);
	return rc;
}

/* The kernel's part: lock, program, maps. */
static int open_and_forward(struct daemon *d, const struct options *o, struct shunt_err *err)
{
	struct config *config = daemon_load(d, err);
	int rc;

	rc = -EINVAL;
	if (!config)
		goto unload;
	rc = attach_open(&d->attach, o->pin_dir, config, err);
	if (rc)
		goto free_config;
	attach_expect(d->attach, d->before, d->before_count);
	rc = datapath_open(&d->dp, attach_fds(d->attach), &config->limits, attach_seed(d->attach), err);
	if (rc)
		goto close_attach;
	rc = forward(d, o, config, err);
	config = NULL;
	datapath_close(d->dp);
close_attach:
	attach_close(d->attach);
free_config:
	config_free(config);
unload:
	daemon_unload(d);
	return rc;
}

/* What a second daemon would share with this one comes first, state file and socket: who cannot have them changes nothing. The API
 * answers once the loop runs. */
static int run(const struct options *o, struct shunt_err *err)
{
	uv_loop_t loop;
	struct daemon d = {.loop = &loop, .config_path = o->config, .state_path = o->state};
	int lock = store_lock(o->state, err), rc;

	if (lock < 0)
		return lock;
	uv_loop_init(&loop);
	rc = open_sockets(&d, o, err);
	if (!rc)
		rc = open_and_forward(&d, o, err);
	close_sockets(&d);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	close(lock);
	return rc;
}

/* What a daemon that is not there any more has left. */
static int remove_all(const char *pin_dir, struct shunt_err *err)
{
	int rc = attach_remove(pin_dir, err);

	return rc ? rc : via_remove(pin_dir, err);
}

int main(int argc, char **argv)
{
	struct options o = {
		.config = "/etc/shunt/shunt.yaml",
		.state = "/var/lib/shunt/state.json",
		.socket = SOCKET_DEFAULT,
		.pin_dir = "/sys/fs/bpf/shunt",
	};
	struct shunt_err err = {0};
	int rc = parse_options(argc, argv, &o);

	if (rc)
		return rc > 0 ? 0 : 2;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); /* until there is something to reload */
	if (o.check)
		rc = check_file(o.config, &err);
	else if (o.detach)
		rc = remove_all(o.pin_dir, &err);
	else
		rc = run(&o, &err);
	if (!rc)
		return 0;
	log_error("%s", shunt_err_text(&err));
	return 1;
}
