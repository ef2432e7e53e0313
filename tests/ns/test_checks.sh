#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every kind of health check against real servers: dnsmasq, nginx with TLS, the kernel's echo, a UDP server, a command. Each fails in
# its own ways, says which, and recovers.
export SHUNT_LAB_BACKENDS=2
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

when="interval: $((200 * patience))ms, timeout: $((500 * patience))ms, rise: 1, fall: 1"
every="via: direct, $when" # for what the tunnel makes of it: test_via.sh

write_checks_config() {
	local backends='backends: [10.0.2.11, "fd00:2::12"]'
	cat >"$conf" <<-CONF
		interfaces: [eth0]
		source: {ipv4: 172.31.0.0/16, ipv6: "fd00:5::/64"}
		limits: {ring_slots: 2510}
		services:
		  - {name: dns, vips: ["$vip4:53/udp"], ring_size: 251, check: {type: dns, query: who.test, record: TXT, $every}, $backends}
		  - {name: udp, vips: ["$vip4:7000/udp"], ring_size: 251, check: {type: udp, send: "0x0070696e67", expect: pong, $every}, $backends}
		  - {name: ping, vips: ["$vip4:7001/udp"], ring_size: 251, check: {type: icmp, $every}, $backends}
		  - name: tls
		    vips: ["$vip4:443/tcp"]
		    ring_size: 251
		    check: {type: https, host: web.test, verify: true, ca: $run/tls/ca.pem, $every}
		    $backends
		  - {name: exec, vips: ["$vip4:81/tcp"], ring_size: 251, check: {type: exec, command: [$run/check, a b], $when}, $backends}
	CONF
}

# --- servers -------------------------------------------------------------------------------------------------------

dns_start() { # NODE [RECORD]
	inside "$1" dnsmasq --conf-file=/dev/null --pid-file="$run/$1.dns.pid" --user=root --no-resolv --no-hosts --local=/test/ \
		--bind-interfaces --interface=eth0 --txt-record="${2:-who.test},$1"
}

dns_stop() {
	local pid
	pid=$(cat "$run/$1.dns.pid")
	kill "$pid" && wait_for 5 pid_gone "$pid"
}

udp_start() { # NODE
	nsenter --net="/run/netns/$SHUNT_LAB-$1" -- /usr/bin/python3 "$top/tests/ns/udp_answers.py" 7000 "$run/$1.answer" &
	echo $! >"$run/$1.udp.pid"
	disown
}

# A CA, and certificates that it has signed: for web.test, and for another name.
make_certificates() ( # in a directory of its own
	mkdir -p "$run/tls" && cd "$run/tls" || return 1
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj "/CN=test CA" -keyout ca.key -out ca.pem &&
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj "/CN=other CA" -keyout other-ca.key \
			-out other-ca.pem || return 1
	for name in web other; do
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name.test" -keyout $name.key -out $name.csr &&
			echo "subjectAltName=DNS:$name.test" >$name.ext &&
			openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile $name.ext -out $name.pem ||
			return 1
	done
)

# Two names behind one address: who does not send web.test's SNI is shown the other certificate.
tls_start() { # NODE
	local dir=$run/$1.nginx
	mkdir -p "$dir"
	cat >"$dir/nginx.conf" <<-CONF
		daemon on;
		worker_processes 1;
		pid $dir/pid;
		error_log $dir/error.log;
		events { worker_connections 64; }
		http {
			access_log off;
			client_body_temp_path $dir/body; proxy_temp_path $dir/proxy; fastcgi_temp_path $dir/fastcgi;
			uwsgi_temp_path $dir/uwsgi; scgi_temp_path $dir/scgi;
			server {
				listen 443 ssl default_server; listen [::]:443 ssl default_server;
				server_name other.test;
				ssl_certificate $run/tls/other.pem; ssl_certificate_key $run/tls/other.key;
				location / { return 404 "other\n"; }
			}
			server {
				listen 443 ssl; listen [::]:443 ssl;
				server_name web.test;
				ssl_certificate $run/tls/web.pem; ssl_certificate_key $run/tls/web.key;
				location / { return 200 "web\n"; }
			}
		}
	CONF
	inside "$1" nginx -c "$dir/nginx.conf" -e "$dir/error.log"
}

servers_start() { dns_start "$1" && udp_start "$1" && tls_start "$1"; }

# Fails for a backend whose file there is; hangs for one in whose file it says so.
write_command() {
	cat >"$run/check" <<-SCRIPT
		#!/bin/sh
		[ "\$1" = "a b" ] || { echo "arguments: \$*"; exit 9; }
		[ -e "$run/bad.\$SHUNT_BACKEND" ] || { echo "\$SHUNT_SERVICE \$SHUNT_PORT fine"; exit 0; }
		read -r what <"$run/bad.\$SHUNT_BACKEND"
		[ "\$what" != hang ] || { sleep 1000 & echo \$! >"$run/hanging"; wait; }
		echo "\$what"
		exit 2
	SCRIPT
	chmod +x "$run/check"
}

# --- what is told --------------------------------------------------------------------------------------------------

is() { # SERVICE ADDRESS STATE REASON (a regular expression, of all of it); with "" as ADDRESS: all of its backends
	shunt --json service show "$1" | jq -e --arg a "$2" --arg s "$3" --arg r "^($4)\$" \
		'[.backends[] | select($a == "" or .address == $a).health | .state == $s and (.reason | test($r))] | all and any'
}

becomes() { # the same, soon; the other backend stays up
	local other=fd00:2::12
	[ "$2" = 10.0.2.11 ] || other=10.0.2.11
	wait_for 10 is "$@" && is "$1" "$other" up '.*' && return
	shunt --json service show "$1" | jq -c '.backends[] | [.address, .health]'
	return 1
}

all_up() { # REASON by service, in the order of the file
	local service
	for service in dns udp ping tls exec; do
		is "$service" "" up "$1" || return 1
		shift
	done
}

# --- the tests -----------------------------------------------------------------------------------------------------

all_pass() {
	wait_for 20 all_up 'DNS: NOERROR' 'UDP: an answer of 5 octets' 'echo reply' 'HTTP 200' 'exec: exit status 0: exec 81 fine' && return
	shunt --json service list | jq -c '.services[] | [.name, (.backends[] | .address, .health)]'
	return 1
}

dns_closed() { dns_stop b1 && becomes dns 10.0.2.11 down 'port unreachable'; }

# Without the record there is no such name; who wants that can say so.
dns_other_rcode() {
	dns_start b1 else.test && becomes dns 10.0.2.11 down 'DNS: NXDOMAIN, expected NOERROR' &&
		shunt service set dns check.expect=any && becomes dns 10.0.2.11 up 'DNS: NXDOMAIN' &&
		shunt service set dns check.expect=NOERROR check.query=else.test &&
		wait_for 10 is dns fd00:2::12 down 'DNS: NXDOMAIN, expected NOERROR' && wait_for 10 is dns 10.0.2.11 up 'DNS: NOERROR'
}

udp_other_answer() {
	printf 'error: ping pong' >"$run/b2.answer"
	becomes udp fd00:2::12 down 'UDP: "error: ping pong", expected "pong"' && printf 'pong!' >"$run/b2.answer" &&
		becomes udp fd00:2::12 up 'UDP: an answer of 5 octets'
}

udp_silent() { rm "$run/b1.answer" && becomes udp 10.0.2.11 down 'timed out after [0-9]+ ms'; }

udp_closed() { kill "$(cat "$run/b1.udp.pid")" && becomes udp 10.0.2.11 down 'port unreachable'; }

# echo NODE 0|1: 1: requests are ignored
ignore_echo() {
	inside "$1" sh -c "echo $2 >/proc/sys/net/ipv4/icmp_echo_ignore_all; echo $2 >/proc/sys/net/ipv6/icmp/echo_ignore_all"
}

ping_unanswered() { # NODE ADDRESS
	ignore_echo "$1" 1 && becomes ping "$2" down 'timed out after [0-9]+ ms' && ignore_echo "$1" 0 && becomes ping "$2" up 'echo reply'
}

tls_other_ca() {
	sed -i "s/ca.pem/other-ca.pem/" "$conf" && shunt reload && wait_for 10 is tls 10.0.2.11 down 'SSL certificate problem: .*' &&
		sed -i "s/other-ca.pem/ca.pem/" "$conf" && shunt reload && wait_for 10 is tls 10.0.2.11 up 'HTTP 200'
}

# By SNI nginx chooses certificate and answer; a name that no certificate has is refused.
tls_name() {
	shunt service set tls check.host=third.test && wait_for 10 is tls 10.0.2.11 down "SSL: no alternative certificate subject .*'third.test'" &&
		shunt service set tls check.host=other.test && wait_for 10 is tls 10.0.2.11 down 'HTTP 404, expected 200 to 399' &&
		refused 'ca: has no effect' shunt service set tls check.verify=false &&
		shunt service set tls check.host=web.test && wait_for 10 is tls "" up 'HTTP 200'
}

tls_server_gone() { nginx_stop b2 && becomes tls fd00:2::12 down 'connect: Connection refused'; }

exec_fails() { echo "disk full" >"$run/bad.10.0.2.11" && becomes exec 10.0.2.11 down 'exec: exit status 2: disk full'; }

exec_hangs() {
	echo hang >"$run/bad.10.0.2.11"
	becomes exec 10.0.2.11 down 'timed out after [0-9]+ ms' && rm "$run/bad.10.0.2.11" &&
		becomes exec 10.0.2.11 up '.* fine' && wait_for 5 pid_gone "$(cat "$run/hanging")"
}

# A file that is missing on this node must not empty the service.
exec_missing() {
	mv "$run/check" "$run/away" || return 1
	wait_for 10 grep -q "exec.*count for nothing, this one the last: .*[Nn]o such file" "$run/shuntd.log" &&
		is exec 10.0.2.11 up '.* fine' && mv "$run/away" "$run/check"
}

by_command() {
	shunt service add more vip="$vip4:82/tcp" ring_size=251 backend=10.0.2.11 check=exec check.command=/bin/test check.command=1 \
		check.command=-eq check.command=2 check.interval=1s check.fast_interval=200ms check.jitter=0 &&
		wait_for 10 is more 10.0.2.11 down 'exec: exit status 1' && shunt service set more check=icmp &&
		wait_for 10 is more 10.0.2.11 up 'echo reply' &&
		[ "$(shunt --json export | jq -c '.services[] | select(.name == "more").check')" = '{"type":"icmp","via":"tunnel","interval":"1s","fast_interval":"200ms","jitter":0,"timeout":"1s","rise":2,"fall":3}' ]
}

lab_begin || bail "the lab comes up"
make_certificates >"$run/openssl" 2>&1 || bail "certificates are made: $(tail -1 "$run/openssl")"
write_command
for b in b1 b2; do
	printf 'pong\n' >"$run/$b.answer"
	servers_start $b || bail "the servers of $b start"
done
write_checks_config
shuntd_start || bail "shuntd starts"

test_that "checks of all kinds pass, IPv4 and IPv6" all_pass
test_that "dns: a closed port" dns_closed
test_that "dns: the response code, and the one that is expected" dns_other_rcode
test_that "udp: another answer" udp_other_answer
test_that "udp: no answer" udp_silent
test_that "udp: a closed port" udp_closed
test_that "icmp: no reply, IPv4" ping_unanswered b1 10.0.2.11
test_that "icmp: no reply, IPv6" ping_unanswered b2 fd00:2::12
test_that "https: a certificate of another authority" tls_other_ca
test_that "https: the name" tls_name
test_that "https: a server that is gone" tls_server_gone
test_that "exec: an exit status with its reason" exec_fails
test_that "exec: a command that hangs is killed, with its children" exec_hangs
test_that "exec: a command that is not there changes nothing" exec_missing
test_that "checks by command line" by_command
tap_end
