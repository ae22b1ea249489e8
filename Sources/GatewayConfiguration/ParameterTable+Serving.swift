// Where the gateway listens, who may come in, and how it starts and stops.

extension ParameterTable {
    static let serving: [Parameter] = [
        Parameter("version", .count(unit: ""), .integer(1), 1...1, "The version of this file's format."),
        Parameter("listen", .section, "Where the gateway listens."),
        Parameter(
            "listen.data", .text, .text("127.0.0.1:8787"), 1...64, restart: true,
            "Address and port for clients. Put a TLS proxy in front before listening beyond this machine."),
        Parameter(
            "listen.admin", .text, .text("127.0.0.1:8788"), 1...64, restart: true,
            "Address and port for the admin API and dashboard. Anything but loopback needs admin.secret and admin.behind_tls_proxy."),
        Parameter(
            "data_directory", .text, .text(".weir"), 1...1024, restart: true,
            "Where stores, pepper and generated tokens are kept, relative to the folder the gateway is started in."),
        Parameter(
            "loops", .count(unit: "event loops"), .integer(0), 0...256, restart: true,
            "Event loops, one thread each. 0 is one per processor core, which is right unless the machine is shared."),
        Parameter("accounts", .texts(countMax: 200), "Account names accepted in Cloudflare-style paths. None configured: any free name."),
        Parameter("gateways", .texts(countMax: 200), "Gateway names accepted in Cloudflare-style paths. None configured: any free name."),
        Parameter(
            "trusted_proxies", .texts(countMax: AddressListBounds.countMax),
            "Address blocks of proxies whose X-Forwarded-For names the client. None: the socket's address counts."),
        Parameter(
            "trusted_networks", .texts(countMax: AddressListBounds.countMax), .texts(["127.0.0.0/8", "::1"]),
            "Address blocks without a per-address connection cap."),
        Parameter("admin", .section, "The admin API and dashboard."),
        Parameter(
            "admin.secret", .secret,
            "The token of the admin role, at least 32 bytes. Left out: a random one in the data directory's admin.token."),
        Parameter("admin.read_secret", .secret, "The token of the read role: stats, metrics and logs without payloads."),
        Parameter(
            "admin.behind_tls_proxy", .flag, .flag(false), restart: true,
            "States that a TLS proxy stands before the admin port, which lets it listen beyond loopback."),
        Parameter(
            "admin.hosts", .texts(countMax: 50),
            "Host names by which the admin port is reached, beside its own address: guards against DNS rebinding."),
    ]

    static let operations: [Parameter] = [
        Parameter("log", .section, "Logging. No payload, key or secret is ever logged."),
        Parameter("log.format", .choice(["text", "json"]), .text("text"), "Lines for people or for machines."),
        Parameter(
            "log.level", .choice(["trace", "debug", "info", "notice", "warning", "error"]), .text("info"),
            "The least severe level written. Requests are logged at debug."),
        Parameter("drain", .section, "What happens on SIGTERM."),
        Parameter(
            "drain.announce_delay", .milliseconds, .integer(0), 0...600_000,
            "How long /readyz says no before connections stop being accepted: the load balancer's probe interval, 0 without one."),
        Parameter(
            "drain.deadline", .milliseconds, .integer(30_000), 0...3_600_000, "How long running requests and streams may take to finish."),
        Parameter("demo", .section, "The demo provider and the tenant that make run makes."),
        Parameter(
            "demo.enabled", .flag, .flag(false), restart: true,
            "Makes the demo tenant with a key in the data directory's demo.key on first start. Switch off in production."),
        Parameter("demo.listen", .text, .text("127.0.0.1:8789"), 1...64, restart: true, "Where weir demo-provider listens."),
        Parameter("demo.tenant", .text, .text("demo"), 1...64, restart: true, "The name of the demo tenant."),
    ]
}

/// The bound of address lists, named here so that the table needs no other module.
enum AddressListBounds {
    static let countMax = 200
}
