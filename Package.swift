// swift-tools-version: 6.2
// One executable over small modules. Who may import whom is checked by scripts/check-imports; docs/architecture.md says why.
import PackageDescription

// A release trusts what debug builds and the sanitizers' have checked at every access of the whole test suite: that no two overlap. The checks
// took a tenth of a hit's instructions.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error), .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// A module of ours and the test target beside it.
func module(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(name: name + "Tests", dependencies: [.byName(name: name)] + dependencies, swiftSettings: strict)
}

/// The dashboard's page, compiled into the binary; Sources/Admin/Dashboard/DashboardAsset.swift serves each.
let dashboard: [Resource] = [
    "index.html", "dashboard.css", "views.css", "icon.svg", "api.js", "breakdown.js", "cache.js", "chart.js", "dialogs.js",
    "dom.js", "figures.js", "format.js", "health.js", "log-detail.js", "log-filters.js", "log.js", "login.js", "main.js",
    "overview-charts.js", "overview.js", "panels.js", "plot.js", "scale.js", "semantic.js", "state.js", "targets.js", "tenants.js",
    "theme.js", "toolbar.js",
].map { .embedInCode("Dashboard/" + $0) }

let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "weir",
    products: [.executable(name: "weir", targets: ["weir"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        // System libraries: a module map and static inline wrappers, nothing else.
        .systemLibrary(name: "CUV", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

        // The commit, handed over by scripts/build.
        .target(
            name: "CBuildInfo",
            cSettings: [.define("WEIR_COMMIT", to: "\"\(Context.environment["WEIR_COMMIT"] ?? "unknown")\"")]),

        // Vocabulary and foundations.
        module("GatewayModel"),
        module("Hashing", ["CCrypto", "CXXHash", "GatewayModel"]),
        module("JSON", ["GatewayModel"]),
        module("EventLoop", ["CUV", "GatewayModel"]),
        module("HTTP1", ["GatewayModel"]),
        module("Storage", ["CLMDB", "Hashing", "GatewayModel"]),

        // Features: siblings that do not know each other.
        module("RequestScan", ["Hashing", "JSON", "GatewayModel"]),
        module("Tenants", ["Storage", "Hashing", "JSON", "GatewayModel"]),
        module("ExactCache", ["Storage", "Hashing", "GatewayModel"]),
        module("Providers", ["JSON", "GatewayModel"]),
        module("RateLimiting", ["GatewayModel"]),
        module("Routing", ["GatewayModel"]),
        module("Upstream", ["CCurl", "EventLoop", "GatewayModel"]),
        module("EventLog", ["Storage", "Hashing", "JSON", "GatewayModel"]),
        module("Telemetry", ["JSON", "GatewayModel"]),
        .target(name: "CEmbeddingKernels", cSettings: [.unsafeFlags(["-O3"])]),
        module("Embedding", ["CEmbeddingKernels", "Hashing", "JSON", "GatewayModel"]),
        .target(
            name: "SemanticCache", dependencies: ["Storage", "Hashing", "JSON", "GatewayModel"],
            resources: [.embedInCode("Guard/Words/english.words")], swiftSettings: strict),
        module(
            "GatewayConfiguration",
            ["Providers", "Routing", "Tenants", "RateLimiting", "EventLog", "SemanticCache", "Hashing", "JSON", "GatewayModel", yams]),

        // What joins them.
        module(
            "GatewayServer",
            [
                "EventLoop", "HTTP1", "RequestScan", "Tenants", "RateLimiting", "Routing", "ExactCache", "Providers", "Upstream",
                "EventLog",
                "Telemetry", "Embedding", "SemanticCache", "Storage",
                "Hashing", "JSON", "GatewayConfiguration", "GatewayModel", logging,
            ]),
        module("DemoProvider", ["EventLoop", "HTTP1", "JSON", "Hashing", "GatewayModel"]),
        module(
            "Admin",
            [
                "GatewayServer", "EventLoop", "HTTP1", "Tenants", "RateLimiting", "Routing", "ExactCache", "EventLog", "SemanticCache",
                "Storage",
                "Hashing", "JSON",
                "GatewayConfiguration", "GatewayModel", logging,
            ], resources: dashboard),
        .executableTarget(
            name: "weir",
            dependencies: [
                "Admin", "GatewayServer", "DemoProvider", "EventLoop", "GatewayConfiguration", "Tenants", "RateLimiting", "Routing",
                "ExactCache", "EventLog", "Embedding", "SemanticCache", "RequestScan", "Providers", "Storage", "GatewayModel", "JSON",
                "Hashing", "CBuildInfo", argumentParser, logging,
            ],
            swiftSettings: strict),

        // Tests.
        tests(of: "GatewayModel", ["TestSupport"]),
        tests(of: "Hashing", ["GatewayModel"]),
        tests(of: "JSON", ["TestSupport"]),
        tests(of: "EventLoop", ["TestSupport"]),
        .target(name: "HTTP1Transcript", dependencies: ["HTTP1"], path: "Tests/Fuzz/HTTP1Fuzz/Transcript", swiftSettings: strict),
        tests(of: "HTTP1", ["HTTP1Transcript"]),
        .target(name: "TestSupport", dependencies: ["GatewayModel"], path: "Tests/TestSupport", swiftSettings: strict),
        .executableTarget(
            name: "store-torture", dependencies: ["ExactCache", "EventLog", "Storage", "TestSupport", "GatewayModel"],
            path: "Tests/StoreTorture",
            swiftSettings: strict),
        tests(of: "Storage", ["store-torture", "TestSupport", "GatewayModel"]),
        tests(of: "RequestScan", ["JSON", "Hashing", "GatewayModel", "TestSupport"]),
        tests(of: "Tenants", ["Storage", "Hashing", "JSON", "TestSupport"]),
        .target(
            name: "ExactCacheTrial", dependencies: ["ExactCache", "GatewayModel"], path: "Tests/ExactCacheTrial", swiftSettings: strict),
        tests(of: "ExactCache", ["Storage", "store-torture", "TestSupport", "ExactCacheTrial", "GatewayModel"]),
        tests(of: "RateLimiting", ["GatewayModel", "TestSupport"]),
        tests(of: "Routing", ["GatewayModel", "TestSupport"]),
        tests(of: "Providers", ["JSON", "TestSupport"]),
        tests(of: "Upstream", ["EventLoop", "GatewayModel", "TestSupport"]),
        tests(
            of: "GatewayConfiguration",
            ["Providers", "Routing", "Tenants", "RateLimiting", "SemanticCache", "Hashing", "JSON", "GatewayModel", "TestSupport"]),
        tests(
            of: "GatewayServer",
            [
                "EventLog", "Tenants", "RateLimiting", "Routing", "Providers", "ExactCache", "Embedding", "SemanticCache",
                "GatewayConfiguration", "JSON", "GatewayModel", "TestSupport",
            ]),
        tests(of: "EventLog", ["Storage", "store-torture", "JSON", "GatewayModel", "TestSupport"]),
        tests(of: "Telemetry", ["JSON", "GatewayModel", "TestSupport"]),
        .testTarget(
            name: "EmbeddingTests", dependencies: ["Embedding", "JSON", "GatewayModel", "TestSupport"], exclude: ["Fixtures"],
            swiftSettings: strict),
        .testTarget(
            name: "SemanticCacheTests", dependencies: ["SemanticCache", "Storage", "Hashing", "JSON", "GatewayModel", "TestSupport"],
            exclude: ["Fixtures"], swiftSettings: strict),
        tests(of: "DemoProvider", ["JSON"]),
        tests(
            of: "Admin",
            [
                "GatewayServer", "GatewayConfiguration", "EventLog", "EventLoop", "ExactCache", "RateLimiting", "SemanticCache", "HTTP1",
                "JSON", "GatewayModel", "TestSupport", logging,
            ]),
    ],
    swiftLanguageModes: [.v6]
)

// Fuzzers, only on request: `make fuzz`. The flag on the command line instruments the modules under test as well:
//   WEIR_FUZZ=1 swift build -c release --product SSEFuzz --scratch-path .build-fuzz -Xswiftc -sanitize=fuzzer,address
//   .build-fuzz/release/SSEFuzz -max_total_time=30 -max_len=4096
func fuzzer(_ name: String, _ dependencies: [Target.Dependency], path: String? = nil) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies + ["FuzzDriver"], path: path ?? "Tests/Fuzz/" + name,
        swiftSettings: strict + [.unsafeFlags(["-sanitize=fuzzer,address", "-parse-as-library"])],
        linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])])
}

if Context.environment["WEIR_FUZZ"] != nil {
    package.targets += [
        .target(name: "FuzzDriver", path: "Tests/Fuzz/Driver", swiftSettings: strict),
        fuzzer("CacheRecordFuzz", ["ExactCacheTrial"]),
        fuzzer("ConfigurationFuzz", ["GatewayConfiguration", "Routing", "Tenants", "JSON", "GatewayModel"]),
        fuzzer("EventFuzz", ["EventLog", "GatewayModel"]),
        fuzzer("GuardFuzz", ["SemanticCache"]),
        fuzzer("HTTP1Fuzz", ["HTTP1", "HTTP1Transcript"], path: "Tests/Fuzz/HTTP1Fuzz/Entry"),
        fuzzer("JSONFuzz", ["JSON"]),
        fuzzer("RequestScanFuzz", ["RequestScan", "JSON", "Hashing", "GatewayModel"]),
        fuzzer("SSEFuzz", ["Providers", "GatewayModel"]),
        fuzzer("UniversalFuzz", ["Providers", "JSON", "GatewayModel"]),
        fuzzer("WordPieceFuzz", ["Embedding"]),
    ]
}

// Programs that the conformance tests run beside other implementations: WEIR_CONFORMANCE=1 swift build --product http1-verdicts
if Context.environment["WEIR_CONFORMANCE"] != nil {
    package.targets.append(
        .executableTarget(
            name: "http1-verdicts", dependencies: ["HTTP1", "HTTP1Transcript"], path: "Tests/Conformance/http1/Verdicts",
            swiftSettings: strict))
}
