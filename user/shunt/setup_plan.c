/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "agent.h"
#include "setup.h"

#define CONF4 "/proc/sys/net/ipv4/conf"
#define LOOSE                                                                                      \
	"clients' packets come out of this interface: their addresses need a route, but not back " \
	"through it (the kernel takes the larger of conf/all and this, and 2, loose, is the largest)"

/* Takes command over. */
static void add_step(struct setup_plan *plan, char *command, const char *why)
{
	plan->steps = xreallocarray(plan->steps, plan->count + 1, sizeof(*plan->steps));
	plan->steps[plan->count++] = (struct setup_step){.command = command, .why = xstrdup(why)};
}

static void plan_vips(struct setup_plan *plan, const struct setup_request *request)
{
	char text[SHUNT_ADDR_TEXT];

	for (size_t i = 0; i < request->vip_count; i++) {
		addr_format(&request->vips[i], text);
		if (request->vips[i].family == SHUNT_FAMILY_IPV4)
			add_step(plan, xasprintf("ip address replace %s/32 dev lo", text),
				 "the VIP is this host's own, so that servers can listen on it and replies come from "
				 "it");
		else
			add_step(plan, xasprintf("ip address replace %s/128 dev lo nodad preferred_lft 0", text),
				 "the VIP; preferred_lft 0: never the source of this host's own connections");
	}
}

static void plan_arp(struct setup_plan *plan, const struct setup_request *request)
{
	add_step(plan, xasprintf("echo 1 > %s/%s/arp_ignore", CONF4, request->ifname),
		 "ARP for a VIP is the balancer's to answer: answer only for addresses of the interface itself "
		 "(IPv6 needs nothing: neighbour discovery does not answer for addresses on lo)");
	add_step(plan, xasprintf("echo 2 > %s/%s/arp_announce", CONF4, request->ifname),
		 "nor name a VIP as the sender of ARP requests");
}

static bool has_family(const struct setup_request *request, uint8_t family)
{
	for (size_t i = 0; i < request->vip_count; i++)
		if (request->vips[i].family == family)
			return true;
	return false;
}

/* One device carries everything of its outer family that type and mode allow. */
static void plan_tunnel(struct setup_plan *plan, const char *name, const char *type, const struct shunt_addr *local,
			const char *why)
{
	char text[SHUNT_ADDR_TEXT];

	/* `ip link replace` is refused for devices that exist. */
	add_step(plan,
		 xasprintf("ip link $(ip link show dev %s >/dev/null 2>&1 && echo set dev || echo add name) %s type %s "
			   "local %s remote any",
			   name, name, type, addr_format(local, text)),
		 why);
	add_step(plan, xasprintf("ip link set dev %s addrgenmode none up", name), "it receives only: no address");
}

/* The kernel's GUE only takes UDP and GUE off; what is inside then goes to the devices for IP in IP. */
static void plan_gue(struct setup_plan *plan, const struct setup_request *request)
{
	const struct shunt_addr *locals[] = {&request->local4, &request->local6};

	add_step(plan, xstrdup("modprobe -qa fou fou6 || true"),
		 "GUE; fou6 for IPv6 outside (nothing to load where they are built in)");
	for (int i = 0; i < 2; i++) {
		const char *family = locals[i]->family == SHUNT_FAMILY_IPV6 ? " -6" : "";

		if (locals[i]->family)
			add_step(plan,
				 xasprintf("ip fou show | grep -qx 'port %u gue%s *' || ip fou add port %u gue%s",
					   request->gue_port, family, request->gue_port, family),
				 "GUE, variants 0 and 1: takes UDP off; the devices for IP in IP see the rest");
	}
}

static void plan_gre(struct setup_plan *plan, const struct setup_request *request)
{
	if (request->local4.family)
		plan_tunnel(plan, "shunt-gre", "gre", &request->local4, "GRE in IPv4, IPv4 and IPv6 VIPs");
	if (request->local6.family)
		plan_tunnel(plan, "shunt-gre6", "ip6gre", &request->local6, "GRE in IPv6, IPv4 and IPv6 VIPs");
}

static void plan_ipip(struct setup_plan *plan, const struct setup_request *request)
{
	if (has_family(request, SHUNT_FAMILY_IPV4) && request->local4.family)
		plan_tunnel(plan, "shunt-ipip", "ipip", &request->local4, "IPv4 VIPs, IPv4 outside");
	if (has_family(request, SHUNT_FAMILY_IPV6) && request->local4.family)
		plan_tunnel(plan, "shunt-sit", "sit", &request->local4, "IPv6 VIPs, IPv4 outside");
	if (request->local6.family)
		plan_tunnel(plan, "shunt-ip6", "ip6tnl mode any", &request->local6, "IPv4 and IPv6 VIPs, IPv6 outside");
}

static void plan_rp_filter_off(struct setup_plan *plan, const char *device)
{
	add_step(plan, xasprintf("echo 0 > %s/%s/rp_filter", CONF4, device),
		 "no client's address is routed through the tunnel, which both strict (1) and loose (2) mode take for "
		 "a forgery on a device without an address");
}

static void plan_rp_filter(struct setup_plan *plan, const struct setup_request *request, bool ipip, bool gre)
{
	add_step(plan,
		 xasprintf("for f in %s/*/rp_filter; do [ \"$(cat \"$f\")\" -ge \"$(cat %s/all/rp_filter)\" ] || "
			   "cat %s/all/rp_filter > \"$f\"; done",
			   CONF4, CONF4, CONF4),
		 "the kernel takes the larger of conf/all and conf/DEVICE, so all must become 0 for the tunnels; "
		 "first every device gets for itself what all gave it");
	add_step(plan, xasprintf("echo 0 > %s/all/rp_filter", CONF4), "see above");
	if (ipip && request->local4.family)
		plan_rp_filter_off(plan, "shunt-ipip");
	if (ipip && request->local6.family)
		plan_rp_filter_off(plan, "shunt-ip6");
	if (gre && request->local4.family)
		plan_rp_filter_off(plan, "shunt-gre");
	if (gre && request->local6.family)
		plan_rp_filter_off(plan, "shunt-gre6");
}

/* Layer-2 direct server return needs no device, and its packets come out of the interface itself. */
static void plan_kernel(struct setup_plan *plan, const struct setup_request *request)
{
	uint32_t kinds = request->kinds ? request->kinds : SHUNT_DECAP_KIND_IPIP;
	bool ipip = kinds & (SHUNT_DECAP_KIND_IPIP | SHUNT_DECAP_KIND_GUE), gre = kinds & SHUNT_DECAP_KIND_GRE;

	if (ipip)
		plan_ipip(plan, request);
	if (kinds & SHUNT_DECAP_KIND_GUE)
		plan_gue(plan, request);
	if (gre)
		plan_gre(plan, request);
	if ((ipip || gre) && has_family(request, SHUNT_FAMILY_IPV4))
		plan_rp_filter(plan, request, ipip, gre);
	if (kinds & SHUNT_DECAP_KIND_L2DSR && has_family(request, SHUNT_FAMILY_IPV4))
		add_step(plan, xasprintf("echo 2 > %s/%s/rp_filter", CONF4, request->ifname), LOOSE);
}

static char *append(char *text, const char *option, const char *value)
{
	char *longer = xasprintf("%s %s %s", text, option, value);

	free(text);
	return longer;
}

static char *agent_command(const struct setup_request *request)
{
	char *command = xasprintf("%s backend-agent %s", request->program, request->ifname);
	char text[SHUNT_ADDR_TEXT];

	for (size_t i = 0; i < request->vip_count; i++)
		command = append(command, "--vip", addr_format(&request->vips[i], text));
	for (size_t i = 0; i < request->source_count; i++)
		command = append(command, "--from", prefix_format(&request->sources[i], text));
	for (int i = 0; i < AGENT_KINDS; i++)
		if (request->kinds & 1u << i)
			command = append(command, "--tunnel", agent_kind_names[i]);
	if (request->gue_port != SHUNT_DECAP_GUE_PORT) {
		snprintf(text, sizeof(text), "%u", request->gue_port);
		command = append(command, "--gue-port", text);
	}
	if (request->mss)
		command = append(command, "--mss", request->mss);
	if (request->path_mtu)
		command = append(command, "--path-mtu", request->path_mtu);
	if (request->reply)
		command = append(command, "--reply", request->reply);
	if (request->pin_dir)
		command = append(command, "--pin-dir", request->pin_dir);
	return command;
}

static void plan_agent(struct setup_plan *plan, const struct setup_request *request)
{
	if (has_family(request, SHUNT_FAMILY_IPV4))
		add_step(plan, xasprintf("echo 2 > %s/%s/rp_filter", CONF4, request->ifname), LOOSE);
	add_step(plan, xstrdup("mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf"),
		 "where the agent's program and maps stay when the command has ended");
	add_step(
		plan, agent_command(request),
		"strip the outer headers in XDP, clamp the MSS in tc; run it again when addresses change, and at every "
		"boot");
}

static void plan_advice(struct setup_plan *plan, const struct setup_request *request)
{
	add_step(plan, NULL,
		 "MTU: the outer header takes 20 bytes (IPv4) or 40 (IPv6), GUE up to 12 and GRE 4 more. Let "
		 "everything between balancer and backends carry 1552, or keep clients' segments small: mode agent "
		 "clamps the MSS; else ip route change default ... advmss 1408 (1388 for IPv6 VIPs)");
	if (request->mode == SETUP_KERNEL || !request->source_count)
		add_step(plan, NULL,
			 "security: whoever can send packets to this host's tunnel address can send from any source to "
			 "its "
			 "VIPs. Let the network's edge drop the balancers' outer source prefixes from outside, and "
			 "(mode "
			 "agent) name them with --from");
}

void setup_plan_make(struct setup_plan *plan, const struct setup_request *request)
{
	memset(plan, 0, sizeof(*plan));
	plan_vips(plan, request);
	if (has_family(request, SHUNT_FAMILY_IPV4))
		plan_arp(plan, request);
	if (request->mode == SETUP_KERNEL)
		plan_kernel(plan, request);
	else
		plan_agent(plan, request);
	plan_advice(plan, request);
}

void setup_plan_free(struct setup_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		free(plan->steps[i].command);
		free(plan->steps[i].why);
	}
	free(plan->steps);
	memset(plan, 0, sizeof(*plan));
}
