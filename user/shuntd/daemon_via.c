// SPDX-License-Identifier: GPL-2.0
/* What checks through tunnels need of the daemon: which destination a backend is. */
#include <errno.h>

#include "daemon.h"
#include "via.h"

#define REST_DELAY_MS 1000 /* for the last words of connections that have just ended */

/* A check past the host's own stack gives the kernel no occasion to doubt the neighbour, which may have changed without a word. */
static void doubt_nexthop(const struct daemon *d, const char *service, const struct shunt_addr *backend)
{
	const struct health_status *status = health_get(d->health, service, backend);

	if (status && status->failures)
		nexthops_doubt(d->nexthops, backend);
}

static int find_road(void *arg, const char *service, const struct shunt_addr *backend, const struct shunt_addr *vip,
		     struct probe_road *road, struct shunt_err *err)
{
	struct daemon *d = arg;
	uint32_t dest;

	doubt_nexthop(d, service, backend);
	if (!datapath_dest_id(d->dp, service, backend, &dest))
		return shunt_fail(err, EAGAIN, NULL, "no next hop is known, so the tunnel leads nowhere");
	return via_road(d->via, dest, backend, vip, road, err);
}

int daemon_open_via(struct daemon *d, struct shunt_err *err)
{
	int rc = via_open(&d->via, attach_pin_dir(d->attach), attach_fds(d->attach)->dests, err);

	if (!rc)
		health_set_road(d->health, find_road, d);
	return rc;
}

static void rest(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	via_rest(d->via);
}

void daemon_close_via(struct daemon *d)
{
	uv_close((uv_handle_t *)&d->via_timer, NULL);
	via_close(d->via);
}

/* Checks that were under way have been ended by health_sync(). */
void daemon_settle_via(struct daemon *d, const struct config *config)
{
	if (config_checks_through_tunnels(config))
		uv_timer_stop(&d->via_timer);
	else if (!uv_is_active((uv_handle_t *)&d->via_timer))
		uv_timer_start(&d->via_timer, rest, REST_DELAY_MS, 0);
}
