import ExactCache
import GatewayConfiguration
import GatewayModel
import GatewayServer
import JSON
import Tenants

/// What the admin port's routes do. Confined to the control loop.
struct AdminHandlers {
    private let control: ControlPlane
    private let version: (number: String, commit: String)
    private let started = WallTime.now()

    init(_ control: ControlPlane, version: (number: String, commit: String)) {
        self.control = control
        self.version = version
    }

    /// The table. Every route has a role; a test fails where one is missing.
    var routes: [AdminRoute] {
        [
            AdminRoute("GET", "/healthz", .anyone, "Whether the process is alive.") { _, done in
                done(AdminResponse(contentType: "text/plain", body: Array("ok\n".utf8)))
            },
            AdminRoute("GET", "/readyz", .anyone, "Whether traffic should come.", ready),
            AdminRoute("GET", "/version", .read, "Version and commit.") { _, done in
                done(.json(["version": .string(version.number), "commit": .string(version.commit)]))
            },
            AdminRoute("GET", "/metrics", .read, "Counters and gauges for Prometheus.") { request, done in
                let format = MetricFormat(accept: request.accept)
                let reading = MetricReading(control, started: started, version: version)
                done(AdminResponse(contentType: format.contentType, body: reading.text(format)))
            },
            AdminRoute("GET", "/tenants", .read, "All tenants.") { _, done in done(.json(operations.listTenants())) },
            change("POST", "/tenants", "Makes a tenant.") { operations, request throws(GatewayError) in
                try operations.createTenant(try request.object())
            },
            change("PATCH", "/tenants/{id}", "Changes a tenant's policy.") { operations, request throws(GatewayError) in
                try operations.changeTenant(request.parameters[0], try request.object())
            },
            AdminRoute("DELETE", "/tenants/{id}", .admin, "Deletes a tenant, its keys and its answers.", deleteTenant),
            limits("/tenants/{id}/limits", "How the limits of a tenant and of its keys stand.") { limits, id throws(GatewayError) in
                try limits.tenant(id)
            },
            AdminRoute("GET", "/keys", .read, "All keys, or those of ?tenant=T; never a secret.") { request, done in
                done(.json(operations.listKeys(tenant: request.query("tenant"))))
            },
            change("POST", "/keys", "Makes a key; the secret is in the answer, this once.") { operations, request throws(GatewayError) in
                try operations.createKey(try request.object())
            },
            change("PATCH", "/keys/{id}", "Changes a key's policy.") { operations, request throws(GatewayError) in
                try operations.changeKey(request.parameters[0], try request.object())
            },
            change("POST", "/keys/{id}/rotate", "Gives a key a new secret.") { operations, request throws(GatewayError) in
                try operations.rotateKey(request.parameters[0], try request.object())
            },
            change("POST", "/keys/{id}/revoke", "Revokes a key for good.") { operations, request throws(GatewayError) in
                try operations.revokeKey(request.parameters[0])
            },
            change("DELETE", "/keys/{id}", "Revokes a key for good.") { operations, request throws(GatewayError) in
                try operations.revokeKey(request.parameters[0])
            },
            AdminRoute("GET", "/stats", .read, "Statistics of a window, counters since the start, targets, the event log.") {
                request, done in
                done(StatsReport(control).response(to: request))
            },
            AdminRoute("GET", "/routes", .read, "The routes of the configuration.") { _, done in
                done(.json(["routes": .array(control.configuration.routes.map(\.json))]))
            },
            AdminRoute("POST", "/routes/{id}/test", .read, "Plans a request to a route and sends nothing.", rehearse),
            limits("/keys/{id}/limits", "How the limits of a key stand.") { limits, id throws(GatewayError) in try limits.key(id) },
            limits("/routes/{name}/limits", "How the limits of a route stand.") { limits, name throws(GatewayError) in
                try limits.route(name)
            },
            AdminRoute("GET", "/cache/stats", .read, "What the exact cache holds and did.") { _, done in
                done(.json(CacheReport.describe(control)))
            },
            AdminRoute("GET", "/cache/entries", .read, "What the exact cache holds, newest first, a page at a time.") { request, done in
                CacheEntriesReport(control).answer(request, done)
            },
            AdminRoute("POST", "/cache/purge", .admin, "Purges by cache_key, key_id, tenant, model, tag, before or all.", purge),
            AdminRoute("POST", "/config/reload", .admin, "Reads the configuration again.", reload),
        ] + LogHandlers(control).routes + SemanticHandlers(control).routes
    }

    private var operations: TenancyOperations { TenancyOperations(control.keyStore, now: .now()) }

    /// A route that changes keys or tenants: answered once every loop knows.
    private func change(
        _ method: String, _ path: String, _ summary: String,
        _ body: @escaping (TenancyOperations, AdminRequest) throws(GatewayError) -> JSONValue
    ) -> AdminRoute {
        let control = self.control
        return AdminRoute(method, path, .admin, summary) { request, done in
            do throws(GatewayError) {
                let result = try body(TenancyOperations(control.keyStore, now: .now()), request)
                control.publishKeys { done(.json(result, status: method == "POST" && path.split(separator: "/").count == 1 ? 201 : 200)) }
            } catch {
                done(.error(error))
            }
        }
    }

    /// A route that tells how limits stand.
    private func limits(
        _ path: String, _ summary: String, _ body: @escaping (LimitOperations, String) throws(GatewayError) -> JSONValue
    ) -> AdminRoute {
        let control = self.control
        return AdminRoute("GET", path, .read, summary) { request, done in
            do throws(GatewayError) {
                let routes = control.configuration.routes.map(\.name)
                done(
                    .json(try body(LimitOperations(control.keyStore, routes: routes, reports: control.limitReports), request.parameters[0]))
                )
            } catch {
                done(.error(error))
            }
        }
    }

    /// A tenant's answers go with it, also those under cache keys of its own choosing.
    private func deleteTenant(_ request: AdminRequest, _ done: @escaping (AdminResponse) -> Void) {
        do throws(GatewayError) {
            let result = try operations.deleteTenant(request.parameters[0])
            control.publishKeys {
                guard let cache = control.cache else { return done(.json(result)) }
                control.purge(cache, .tenant(request.parameters[0])) { _ in done(.json(result)) }
            }
        } catch {
            done(.error(error))
        }
    }

    /// Reads only, though it takes a body.
    private func rehearse(_ request: AdminRequest, _ done: @escaping (AdminResponse) -> Void) {
        do throws(GatewayError) {
            let configuration = control.configuration
            guard let definition = configuration.route(named: request.parameters[0]) else {
                throw GatewayError(status: 404, code: "route_not_found", message: "There is no route of that name.")
            }
            let rehearsed = try RehearsedRequest(json: .object(try request.object()), route: definition, configuration: configuration)
            let rehearsal = RouteRehearsal(of: definition, request: rehearsed, in: configuration, isLive: true) {
                control.status(of: $0.target)
            }
            done(.json(rehearsal.json))
        } catch {
            done(.error(error))
        }
    }

    private func ready(_ request: AdminRequest, _ done: @escaping (AdminResponse) -> Void) {
        let isReady = control.lifecycle.isReady
        done(AdminResponse(status: isReady ? 200 : 503, contentType: "text/plain", body: Array((isReady ? "ok\n" : "not ready\n").utf8)))
    }

    private func reload(_ request: AdminRequest, _ done: @escaping (AdminResponse) -> Void) {
        control.reload { result in
            switch result {
            case .success(let restart):
                done(.json(["reloaded": true, "needs_restart": .array(restart.map { .string($0) })]))
            case .failure(let errors):
                let error: JSONValue = [
                    "message": .string(errors.errors.first?.description ?? "The configuration is wrong."), "type": "invalid_request_error",
                    "param": nil,
                    "code": "invalid_configuration",
                ]
                done(.json(["error": error, "errors": .array(errors.errors.map { .string($0.description) })], status: 422))
            }
        }
    }

    private func purge(_ request: AdminRequest, _ done: @escaping (AdminResponse) -> Void) {
        do throws(GatewayError) {
            let selector = try PurgeRequest.selector(of: try request.object())
            guard let cache = control.cache else {
                throw GatewayError(
                    status: 503, code: "cache_unavailable", message: "The cache store is not open: \(control.cacheProblem ?? "").",
                    source: .store)
            }
            control.purge(cache, selector) { result in done(PurgeRequest.response(result)) }
        } catch {
            done(.error(error))
        }
    }
}
