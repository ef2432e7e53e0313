/* SPDX-License-Identifier: GPL-2.0 */
#include "fake_daemon.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../user/lib/log.h"
#include "../../user/lib/xalloc.h"
#include "../../user/lib/yaml.h"
#include "../../user/shuntd/api.h"
#include "../../user/shuntd/discovery.h"
#include "../../user/shuntd/events.h"
#include "../../user/shuntd/registrations.h"

static const char initial[] = "interfaces: [eth0]\n"
			      "seed: 0x" FAKE_SEED "\n"
			      "source: {ipv4: 172.31.0.0/16, ipv6: \"fd00:31::/64\"}\n"
			      "services:\n"
			      "  - name: web\n"
			      "    vips: [\"192.0.2.10:80/tcp\"]\n"
			      "    check: {type: http, path: /healthz}\n"
			      "    backends:\n"
			      "      - 10.1.0.11\n"
			      "      - {address: 10.1.0.12, state: drain}\n"
			      "  - name: dns\n"
			      "    vips: [\"192.0.2.53:53/udp\", \"[2001:db8::53]:53/udp\"]\n"
			      "    check: {type: none}\n"
			      "    backends: [\"2001:db8:1::11\"]\n";

unsigned int fake_request_seconds;

static uint64_t generation;

static struct config *parse(const char *path, const char *text, struct shunt_err *err)
{
	struct config_source *source = NULL;
	json_t *tree =
		path ? yaml_load_file(path, &source, err) : yaml_load(text, strlen(text), "initial", &source, err);
	struct config *config = tree ? config_from_json(tree, source, err) : NULL;

	json_decref(tree);
	config_source_free(source);
	return config;
}

/* From a state and to one that say which it was. */
static void tell_backends(const struct config_service *service)
{
	for (size_t i = 0; i < service->backend_count; i++) {
		struct journal_event event =
			events_of(JOURNAL_BACKEND, LOG_LEVEL_WARNING, service->name, &service->backends[i].addr);

		event.from = "up";
		event.to = "down";
		events_tell(&event, "what the check said: %s", "\xff\n\"");
	}
}

void daemon_set_cause(struct daemon *d, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(d->cause, sizeof(d->cause), fmt, args);
	va_end(args);
}

static const struct nexthop *nexthop_of(void *arg, const struct shunt_addr *backend)
{
	return nexthops_get(arg, backend);
}

/* All up, all reachable but by IPv6. */
static struct model *model_of(const struct config *config)
{
	const struct model_inputs inputs = {.seed = 1, .nexthop = nexthop_of};
	struct model_cache *cache = model_cache_new();
	struct model *model = model_build(config, &inputs, cache);

	model_cache_free(cache);
	return model;
}

static int refuse(const struct daemon *d, const struct config *next, struct shunt_err *err)
{
	if (config_find_service(next, FAKE_FULL))
		return shunt_fail(err, ENOSPC, "limits.destinations", "full");
	if (config_find_service(next, FAKE_BROKEN))
		return shunt_fail(err, EIO, d->state_path, "cannot be written");
	return 0;
}

struct model *daemon_preview(struct daemon *d, const struct config *next, struct shunt_err *err)
{
	return refuse(d, next, err) ? NULL : model_of(next);
}

int daemon_commit(struct daemon *d, struct config *next, const struct history_origin *origin, struct shunt_err *err)
{
	json_t *diff = daemon_differences(d, next, origin);
	const struct history_origin known = {origin->by, origin->uid, origin->pid, diff};
	uint64_t number;
	int ret = refuse(d, next, err);

	if (ret == 0)
		ret = daemon_record(d, next, &known, &number, err);
	json_decref(diff);
	if (ret)
		return ret;
	history_commit(d->history);
	for (size_t i = 0; i < next->service_count; i++)
		if (strcmp(next->services[i].name, FAKE_EVENTFUL) == 0)
			tell_backends(&next->services[i]);
	if (d->cause[0]) /* not the start */
		events_say(JOURNAL_CONFIG, LOG_LEVEL_INFO, "committed by %s", d->cause);
	config_free(d->config);
	config_free(d->effective);
	model_free(d->model);
	d->config = next;
	d->effective = discovery_join(d->discovery, next, true);
	d->model = model_of(next);
	generation++;
	return 0;
}

int traffic_may_commit(const struct daemon *d, const struct config *next, json_t *warnings, struct shunt_err *err)
{
	if (!config_find_service(d->config, FAKE_BUSY) || config_find_service(next, FAKE_BUSY))
		return 0;
	shunt_fail(err, EBUSY, "services[" FAKE_BUSY "]", "had 42 packets within the last minute; add --force");
	if (!warnings)
		return -EBUSY;
	json_array_append_new(warnings, json_string(shunt_err_text(err)));
	return 0;
}

static struct registrations *registrations;

/* What is registered is there at once; all else is refused by others. */
static void join(struct daemon *d)
{
	config_free(d->effective);
	d->effective = discovery_join(d->discovery, d->config, true);
	model_free(d->model);
	d->model = model_of(d->effective);
}

static int check_service(const struct daemon *d, const char *name, struct shunt_err *err)
{
	const struct config_service *service = config_find_service(d->config, name);

	if (!service)
		return shunt_fail(err, ENOENT, NULL, "no service \"%s\"", name);
	return service->registration ? 0 : shunt_fail(err, EPERM, NULL, "service \"%s\" takes no registrations", name);
}

int discoverers_register(struct daemon *d, const char *service, const struct config_backend *backend, uint32_t ttl,
			 bool *changed, struct shunt_err *err)
{
	int ret = check_service(d, service, err);

	if (ret)
		return ret;
	*changed = registrations_put(registrations, service, backend, ttl, 0);
	join(d);
	return 0;
}

int discoverers_deregister(struct daemon *d, const char *service, const struct shunt_addr *addr, bool *changed,
			   struct shunt_err *err)
{
	int ret = check_service(d, service, err);

	if (ret)
		return ret;
	*changed = registrations_delete(registrations, service, addr);
	join(d);
	return 0;
}

/* What is on demand is awake, until somebody sends it to sleep: of all services at once. */
static bool sleeps;

json_t *demands_json(const struct daemon *d, const char *service)
{
	const struct config_service *found = config_find_service(d->config, service);
	json_t *array = json_array();

	for (size_t i = 0; found && i < found->demand_count; i++)
		json_array_append_new(array, json_pack("{s:s, s:s, s:i, s:s}", "pool", found->demands[i].pool, "state",
						       sleeps ? "asleep" : "awake", "since", 1700000000, "reason",
						       "somebody said so"));
	if (json_array_size(array))
		return array;
	json_decref(array);
	return NULL;
}

static int check_demand(const struct daemon *d, const char *name, const char *pool, struct shunt_err *err)
{
	const struct config_service *service = config_find_service(d->config, name);

	if (!service)
		return shunt_fail(err, ENOENT, NULL, "no service \"%s\"", name);
	if (!service->demand_count || (pool && !config_demand_of(service, pool)))
		return shunt_fail(err, EPERM, NULL, "service \"%s\" is not on demand", name);
	return 0;
}

int demands_wake(struct daemon *d, const char *service, const char *pool, bool *changed, struct shunt_err *err)
{
	int ret = check_demand(d, service, pool, err);

	*changed = !ret && sleeps;
	sleeps = sleeps && ret;
	return ret;
}

int demands_sleep(struct daemon *d, const char *service, const char *pool, bool force, bool *changed,
		  struct shunt_err *err)
{
	int ret = check_demand(d, service, pool, err);

	if (!ret && !force)
		return shunt_fail(err, EBUSY, service, "had packets 2 s ago, less than its idle time; add --force");
	*changed = !ret && !sleeps;
	sleeps = sleeps || !ret;
	return ret;
}

/* With all, another file is refused. */
int daemon_reload(struct daemon *d, const struct reload_ask *ask, const struct history_origin *origin, bool *changed,
		  struct shunt_err *err)
{
	struct config *next = parse(d->config_path, NULL, err);
	int ret;

	if (next && !ask->force) {
		ret = traffic_may_commit(d, next, NULL, err);
		if (ret) {
			config_free(next);
			return ret;
		}
	}
	json_decref(d->refused);
	d->refused = ask->all
			     ? json_pack("[{s:s, s:s, s:s}]", "file", "b.yaml", "detail", "broken", "where", "b.yaml:7")
			     : NULL;
	if (!next)
		return -EINVAL;
	ret = daemon_commit(d, next, origin, err);
	if (ret)
		config_free(next);
	*changed = ret == 0;
	return ret;
}

int daemon_detach(struct daemon *d, struct shunt_err *err)
{
	(void)err;
	uv_stop(d->loop);
	return 0;
}

static bool is_v6(const struct shunt_addr *addr)
{
	return addr->family == SHUNT_FAMILY_IPV6;
}

enum backend_state daemon_backend_state(const struct daemon *d, const char *service,
					const struct config_backend *backend)
{
	(void)d, (void)service;
	if (backend->admin == CONFIG_ADMIN_DRAIN)
		return BACKEND_DRAIN;
	return is_v6(&backend->addr) ? BACKEND_DOWN : BACKEND_UP;
}

size_t attach_list(const struct attach *attach, struct attach_status *out, size_t max)
{
	(void)attach;
	if (max > 0)
		out[0] = (struct attach_status){"eth0", 2, true, CONFIG_MODE_NATIVE, false, 77};
	return 1;
}

uint64_t datapath_generation(const struct datapath *dp)
{
	(void)dp;
	return generation;
}

void datapath_usage(const struct datapath *dp, struct datapath_usage *out)
{
	(void)dp;
	*out = (struct datapath_usage){3, 1024, 2, 512, 3, 4096, 131074, 4194368, 1, 256, 5, 4096, 0, 131072};
}

int datapath_counters_refresh(struct datapath *dp)
{
	(void)dp;
	return 0;
}

/* Past 2^53, where a float would lose the last digits. */
bool datapath_dest_counter(struct datapath *dp, const char *service, const struct shunt_addr *backend,
			   struct shunt_counter *out)
{
	(void)dp, (void)service, (void)backend;
	*out = (struct shunt_counter){1000, 9007199254740993};
	return true;
}

uint64_t datapath_dest_connections(const struct datapath *dp, const char *service, const struct shunt_addr *backend)
{
	(void)dp, (void)service, (void)backend;
	return 12;
}

bool datapath_service_retired(struct datapath *dp, const char *service, struct shunt_counter *out)
{
	(void)dp;
	*out = (struct shunt_counter){5, 500};
	return strcmp(service, "web") == 0;
}

bool datapath_quic_choices(struct datapath *dp, const char *service, uint64_t choices[SHUNT_QUIC_CHOICE_COUNT])
{
	(void)dp, (void)service;
	for (int i = 0; i < SHUNT_QUIC_CHOICE_COUNT; i++)
		choices[i] = 100 + i;
	return true;
}

void datapath_reason_counter(struct datapath *dp, enum shunt_reason reason, struct shunt_counter *out)
{
	(void)dp;
	*out = (struct shunt_counter){reason, 100 * reason};
}

const struct health_status *health_get(const struct health *health, const char *service,
				       const struct shunt_addr *backend)
{
	static const struct health_status up = {HEALTH_UP, 1700000000, 1700000100, 9, 0, "HTTP 200"};

	(void)health, (void)service;
	return is_v6(backend) ? NULL : &up;
}

const char *health_state_name(enum health_state state)
{
	return state == HEALTH_UP ? "up" : "other";
}

const struct nexthop *nexthops_get(const struct nexthops *nexthops, const struct shunt_addr *addr)
{
	static const struct nexthop known = {.resolved = true,
					     .ifindex = 1,
					     .mtu = 1500,
					     .dst_mac = {2, 0, 0, 0, 0, 1},
					     .tag = {{0x88a8, 300}, {0x8100, 7}},
					     .tags = 2};
	static const struct nexthop unknown = {.why = "no route to 2001:db8:1::11"};

	(void)nexthops;
	return is_v6(addr) ? &unknown : &known;
}

static void on_signal(uv_signal_t *handle, int signum)
{
	(void)signum;
	uv_stop(handle->loop);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static int open_sockets(struct daemon *d, const struct fake_daemon *fake, struct shunt_err *err)
{
	const struct api_options all = {.path = fake->socket,
					.request_seconds = fake_request_seconds,
					.idle_seconds = fake_request_seconds ? 600 : 0};
	const struct api_options reading = {.path = fake->read_socket,
					    .access = API_READ,
					    .connections = FAKE_READERS,
					    .request_seconds = fake_request_seconds,
					    .idle_seconds = all.idle_seconds};
	int ret = api_open(&d->api, d, &all, err);

	return ret ? ret : api_open(&d->read_api, d, &reading, err);
}

/* The child's life; ready is written to once it listens. */
static int serve(const struct fake_daemon *fake, int ready)
{
	uv_loop_t loop;
	uv_signal_t sigterm;
	struct daemon d = {.loop = &loop, .config_path = fake->config_path, .state_path = "/nowhere/state.json"};
	static const struct history_origin origin = {"start", -1, -1, NULL};
	struct shunt_err err = {0};
	struct config *config = parse(NULL, initial, &err);
	char *state = xasprintf("%s/state.json", fake->dir);

	log_set_level(LOG_LEVEL_ERROR);
	d.started = 1700000000;
	d.history = history_open(state, 0);
	d.discovery = discovery_new();
	registrations = registrations_new(d.discovery);
	uv_loop_init(&loop);
	uv_signal_init(&loop, &sigterm);
	uv_signal_start(&sigterm, on_signal, SIGTERM);
	if (!config || daemon_commit(&d, config, &origin, &err) || open_sockets(&d, fake, &err)) {
		fprintf(stderr, "fake daemon: %s\n", shunt_err_text(&err));
		return 1;
	}
	if (write(ready, "x", 1) != 1)
		return 1;
	uv_run(&loop, UV_RUN_DEFAULT);
	api_close(d.read_api);
	api_close(d.api);
	uv_walk(&loop, close_handle, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	registrations_free(registrations);
	discovery_free(d.discovery);
	config_free(d.config);
	config_free(d.effective);
	model_free(d.model);
	history_close(d.history);
	json_decref(d.refused);
	free(state);
	return uv_loop_close(&loop) ? 1 : 0;
}

void fake_daemon_start(struct fake_daemon *fake)
{
	int ready[2];
	char byte;

	snprintf(fake->dir, sizeof(fake->dir), "/tmp/shunt-fake-XXXXXX");
	if (!mkdtemp(fake->dir) || pipe(ready))
		abort();
	snprintf(fake->socket, sizeof(fake->socket), "%s/api.sock", fake->dir);
	snprintf(fake->read_socket, sizeof(fake->read_socket), "%s/api-ro.sock", fake->dir);
	snprintf(fake->config_path, sizeof(fake->config_path), "%s/shunt.yaml", fake->dir);
	fflush(NULL);
	fake->pid = fork();
	if (fake->pid == 0) {
		close(ready[0]);
		prctl(PR_SET_PDEATHSIG, SIGTERM); /* also when the test is killed */
		exit(serve(fake, ready[1]));
	}
	close(ready[1]);
	if (fake->pid < 0 || read(ready[0], &byte, 1) != 1)
		abort();
	close(ready[0]);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

int fake_daemon_wait(struct fake_daemon *fake)
{
	int status = -1;

	if (fake->pid > 0)
		waitpid(fake->pid, &status, 0);
	fake->pid = 0;
	if (access(fake->socket, F_OK) == 0)
		status = -1;
	nftw(fake->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return status;
}

int fake_daemon_stop(struct fake_daemon *fake)
{
	if (fake->pid > 0)
		kill(fake->pid, SIGTERM);
	return fake_daemon_wait(fake);
}
