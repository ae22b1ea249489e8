import GatewayModel
import Hashing
import Providers
import RateLimiting
import Routing
import Tenants

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Reads a configuration file and everything it points to into one checked, immutable snapshot.
///
/// Pure given its two inputs, the environment and a way to read files: no clock, no network, no state.
public struct ConfigurationLoader {
    /// Why a file can't be read.
    public struct FileProblem: Error, Sendable {
        /// A short reason, such as `No such file or directory`.
        public let reason: String

        /// Makes a reason.
        public init(reason: String) { self.reason = reason }

        /// Whether the file does not exist, as against one that is there and can't be read.
        var isAbsence: Bool { reason == String(cString: strerror(ENOENT)) }
    }

    /// Reads a whole file by its path.
    public typealias FileReader = (String) throws(FileProblem) -> [UInt8]

    private let environment: [String: String]
    private let readFile: FileReader
    private let errors = ErrorCollector()

    /// Loads the file at `path`; relative paths in it start from its folder.
    ///
    /// - Throws: everything that is wrong, at most 20 errors. There is no partial result.
    public static func load(
        path: String, environment: [String: String], readFile: @escaping FileReader = ConfigurationLoader.readFromDisk
    ) throws(ConfigurationErrors) -> GatewayConfigurationSnapshot {
        try ConfigurationLoader(environment: environment, readFile: readFile).load(path)
    }

    private init(environment: [String: String], readFile: @escaping FileReader) {
        self.environment = environment
        self.readFile = readFile
    }

    private func load(_ path: String) throws(ConfigurationErrors) -> GatewayConfigurationSnapshot {
        let folder = ConfigurationLoader.folder(of: path)
        let bytes = try content(of: path)
        let root = try root(bytes, path)
        let providersPath = ConfigurationLoader.path(root.text("providers_file"), below: folder)
        let providersBytes = try content(of: providersPath)
        let shipped = try self.root(providersBytes, providersPath)
        shipped.refuseFields(except: ["version", "providers"])
        let secrets = SecretReader(environment: environment, folder: folder, readFile: readFile)
        let egress = EgressSettings(root.section("egress"))
        let (table, healthProbes) = try providers(root, shipped, egress)
        let (prices, pricesBytes) = try prices(root, folder, table)
        let semantic = SemanticSettings(
            root.section("semantic"), folder: folder, egress: egress, secrets: secrets, readFile: readFile)
        let digest = digest([bytes, providersBytes, pricesBytes] + semantic.words.map(\.bytes))
        let snapshot = snapshot(path, digest, root, table, healthProbes, egress, secrets, prices, semantic)
        try errors.throwIfAny()
        return snapshot
    }

    // MARK: Files

    private func content(of path: String) throws(ConfigurationErrors) -> [UInt8] {
        do {
            return try readFile(path)
        } catch {
            throw unreadable(path, error)
        }
    }

    private func contentIfPresent(of path: String) throws(ConfigurationErrors) -> [UInt8]? {
        do {
            return try readFile(path)
        } catch {
            if error.isAbsence { return nil }
            throw unreadable(path, error)
        }
    }

    private func unreadable(_ path: String, _ problem: FileProblem) -> ConfigurationErrors {
        ConfigurationErrors([ConfigurationError(file: path, line: nil, field: nil, message: "can't be read: \(problem.reason)")])
    }

    private func root(
        _ bytes: [UInt8], _ path: String, table: ParameterTable = .standard
    ) throws(ConfigurationErrors) -> Section {
        let node = try YAMLDocument.parse(bytes, file: path)
        let root = Section(root: node, context: SectionContext(file: path, table: table, errors: errors))
        _ = root.integer("version")
        return root
    }

    private func digest(_ parts: [[UInt8]]) -> Digest256 {
        var hash = SHA256()
        for part in parts { hash.update(SHA256.digest(of: part.span).bytes.span) }
        return hash.finalize()
    }

    // MARK: Providers

    /// The shipped providers with the configured ones laid over them, and their health probes by the same index. Nothing else can be checked
    /// while these are wrong.
    private func providers(
        _ root: Section, _ shipped: Section, _ egress: EgressSettings
    ) throws(ConfigurationErrors) -> (ProviderTable, [HealthProbe?]) {
        let reader = ProviderReader(environment: environment)
        let checks = ProviderChecks(egress: egress)
        var definitions: [ProviderDefinition] = []
        var sections: [Section] = []
        for source in [shipped, root] {
            for field in source.namedNodes("providers") {
                let section = source.section("providers", of: field)
                let position = definitions.firstIndex { $0.name == field.name }
                let base = position.map { definitions[$0] } ?? ProviderDefinition(name: field.name, bases: [])
                let errorsBefore = errors.count
                var definition = reader.definition(section, over: base)
                if errors.count == errorsBefore { definition = checks.checked(definition, section) }
                if let position {
                    definitions[position] = definition
                    sections[position] = section
                } else {
                    definitions.append(definition)
                    sections.append(section)
                }
            }
        }
        reportSharedNames(definitions, sections)
        let probes = sections.map(HealthProbe.read)
        try errors.throwIfAny()
        do {
            return (try ProviderTable(definitions), probes)
        } catch {
            throw ConfigurationErrors([ConfigurationError(file: root.context.file, line: nil, field: error.field, message: error.message)])
        }
    }

    private func reportSharedNames(_ definitions: [ProviderDefinition], _ sections: [Section]) {
        var owners: [String: String] = [:]
        for (definition, section) in zip(definitions, sections) {
            for name in [definition.name] + definition.aliases {
                if let owner = owners[name] {
                    let field = name == definition.name ? nil : "aliases"
                    section.context.report(
                        field.map(section.line(of:)) ?? section.line, field.map(section.path(of:)) ?? section.path,
                        "the name \(section.shown(name)) already means \(owner)")
                }
                owners[name] = definition.name
            }
        }
    }

    // MARK: Prices

    /// The prices and the content of their file, empty where there is none.
    private func prices(
        _ root: Section, _ folder: String, _ providers: ProviderTable
    ) throws(ConfigurationErrors) -> (ConfiguredPrices, [UInt8]) {
        let path = ConfigurationLoader.path(root.text("prices_file"), below: folder)
        let bytes = try root.has("prices_file") ? content(of: path) : contentIfPresent(of: path)
        let file: Section? = if let bytes { try self.root(bytes, path, table: .pricesFile) } else { nil }
        let reader = PriceReader(providers: providers)
        // The shipped prices name the shipped providers; who brought a file of fewer providers and said nothing of prices made no slip.
        let isFileForOthers = root.has("providers_file") && !root.has("prices_file")
        return (reader.prices(file: file, root: root, isFileForOthers: isFileForOthers), bytes ?? [])
    }

    // MARK: The whole

    private func snapshot(
        _ path: String, _ digest: Digest256, _ root: Section, _ providers: ProviderTable, _ healthProbes: [HealthProbe?],
        _ egress: EgressSettings, _ secrets: SecretReader, _ prices: ConfiguredPrices, _ semantic: SemanticSettings
    ) -> GatewayConfigurationSnapshot {
        let listen = root.section("listen")
        let data = listen.listenAddress("data")
        let admin = AdminSettings(listen: listen.listenAddress("admin"), root.section("admin"), secrets: secrets)
        if data == admin.listen, data.port != 0 {
            listen.report("admin", "is the same as listen.data; the admin port is never the data port")
        }
        if let problem = admin.exposureProblem { listen.report("admin", problem) }
        let timeouts = TimeoutSettings(root.section("timeouts"))
        let revisions = providers.definitions.map(RevisionHash.revision(of:))
        let retry = RetryPolicy(root.section("retry"), deadlineMilliseconds: timeouts.deadlineMilliseconds)
        let routes = RouteReader(
            root: root, providers: providers, revisions: revisions, timeouts: timeouts, retry: retry, semantic: semantic.standard,
            prices: prices.table
        ).routes()
        let cache = CacheSettings(root.section("cache"))
        let tenancy = TenancyReader(root: root, secrets: secrets, names: PolicyNames(providers))
        let tenants = tenancy.tenants()
        return GatewayConfigurationSnapshot(
            file: path, digest: digest, listen: data, admin: admin, dataDirectory: root.text("data_directory"),
            loopCount: root.integer("loops"), accounts: root.names("accounts", isReserved: ReservedNames.isReservedAccount),
            gateways: root.names("gateways", isReserved: ReservedNames.isReserved), trustedProxies: root.addresses("trusted_proxies"),
            trustedNetworks: root.addresses("trusted_networks"), limits: LimitSettings(root.section("limits")),
            overload: OverloadSettings(root.section("overload")),
            metering: MeteringSettings(root.section("metering"), egress: egress, secrets: secrets),
            events: EventSettings(root.section("events"), egress: egress, secrets: secrets), timeouts: timeouts,
            retry: retry,
            breaker: BreakerSettings(
                root.section("breaker"), deadlines: [timeouts.deadlineMilliseconds] + routes.map { $0.timeouts.deadlineMilliseconds }),
            healthProbes: healthProbes,
            upstream: UpstreamSettings(root.section("upstream")),
            cache: cache, semantic: semantic, egress: egress, log: LogSettings(root.section("log")),
            drain: DrainSettings(root.section("drain")),
            demo: demo(root.section("demo")), providers: providers,
            credentials: CredentialReader(secrets: secrets).credentials(root, providers), providerRevisions: revisions,
            prices: prices.table, pricesAsOf: prices.asOf, routes: routes,
            tenancy: ConfiguredTenancy(tenants: tenants, keys: tenancy.keys(of: tenants), shares: cache.shares),
            routePositions: Dictionary(routes.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { first, _ in first }))
    }

    private func demo(_ section: Section) -> DemoSettings {
        let tenant = section.text("tenant")
        if !Identifier.isName(tenant) { section.report("tenant", "must be \(Identifier.rule())") }
        return DemoSettings(listen: section.listenAddress("listen"), tenant: tenant, section)
    }
}

extension ConfigurationLoader {
    /// A path as it is read: an absolute one as it is, a relative one below `folder`.
    static func path(_ path: String, below folder: String) -> String {
        path.hasPrefix("/") || folder.isEmpty ? path : folder == "/" ? folder + path : folder + "/" + path
    }

    /// The folder part of a path, empty for the current one.
    static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: 0x2F) else { return "" }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Reads a plain file of at most 8 MiB from the disk.
    public static func readFromDisk(_ path: String) throws(FileProblem) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileProblem(reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileProblem(reason: String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw FileProblem(reason: "is a folder") }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= YAMLDocument.bytesMax {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileProblem(reason: String(cString: strerror(errno))) }
            bytes += buffer[..<count]
        }
        throw FileProblem(reason: "is larger than \(YAMLDocument.bytesMax) bytes")
    }
}
