// What a request is judged by: one immutable object that a reload replaces. Every loop holds its own reference, so reading it takes no lock.

import ExactCache
import GatewayConfiguration
import GatewayModel
import HTTP1
import Providers
import Tenants

/// A tenant as the request path sees it.
struct TenantState: Sendable {
    let tenant: Tenant
    /// Whose entries it reads and writes: its own scope, or the share the operator put it into.
    let scope: EntryScope
    /// Its own scope, for custom keys, which never go into a share.
    let ownScope: EntryScope
    let load: LoadCell
    let inFlightMax: Int
}

/// A route alias of the unified surface.
struct RouteState: Sendable {
    let name: String
    let targets: [RouteTarget]
    let cache: CachePolicy
    /// Part of the cache key: an alias pointed elsewhere, or configured otherwise, starts afresh.
    let revision: UInt64
    let isKeyedByRoute: Bool
}

/// One target of a route, resolved.
struct RouteTarget: Sendable {
    let provider: Int
    let model: String
}

/// What may be kept and for how long, after route and defaults are merged.
struct CachePolicy: Sendable, Equatable {
    var isEnabled = true
    var ttlSeconds: Int64 = 3600
    var ttlSecondsMin: Int64 = 1
    var ttlSecondsMax: Int64 = 2_592_000
    var staleIfErrorSeconds: Int64 = 0
    var staleWhileRevalidateSeconds: Int64 = 0
    var maxTemperature: Double?
    var storesToolCalls = false
    var storesLengthStops = false
}

/// The limits of the data port, in the units the hot path compares.
struct DataLimits: Sendable {
    var headMilliseconds: UInt64 = 10_000
    var bodyMilliseconds: UInt64 = 60_000
    var bodyRateGraceMilliseconds: UInt64 = 10_000
    var bodyBytesPerSecondMin: UInt64 = 1024
    var keepAliveMilliseconds: UInt64 = 75_000
    var writeStallMilliseconds: UInt64 = 30_000
    var requestsPerConnectionMax = 1000
    var bodyBytesMax = 32 * 1024 * 1024
    var connectionsMax = 0
    var connectionsPerAddressMax = 0
    var clientBufferBytes = 64 * 1024
    var heldBytesMax = 1024 * 1024
    var inFlightMax = 4096
    var queuedMax = 1024
    var queueMilliseconds: UInt64 = 100
    var heartbeatMilliseconds: UInt64 = 0
}
