import EventLoop
import Foundation
import GatewayConfiguration
import GatewayServer
import Logging
import TestSupport
import Testing

@testable import Admin

@Suite struct RouteTableTests {
    private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// What a line of the table or of the file says.
    private struct Entry: Hashable, CustomStringConvertible {
        var method: String
        var path: String
        var role: String
        var summary: String

        var description: String { "\(method) \(path) [\(role)] \(summary)" }
    }

    /// The table of a gateway with the shipped configuration; the dashboard's files apart from its page left out.
    private func table() throws -> Set<Entry> {
        let folder = TemporaryFolder()
        let loop = try EventLoop()
        let load = { () throws(ConfigurationErrors) in
            try ConfigurationLoader.load(path: RouteTableTests.repository + "/config/weir.yaml", environment: [:])
        }
        let control = try ControlPlane(
            loop: loop, configuration: try load(),
            options: ControlPlane.Options(
                dataDirectory: folder.path, loadConfiguration: load, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                openFilesMax: 256))
        let server = try AdminServer(
            control: control, adminToken: Array(repeating: 0x61, count: 32), readToken: nil, hosts: [], version: ("0", "0"))
        let entries = server.table.routes.map { route in
            Entry(method: route.method, path: "/" + route.pattern.joined(separator: "/"), role: route.role.rawValue, summary: route.summary)
        }
        #expect(Set(entries.map { "\($0.method) \($0.path)" }).count == entries.count, "a method and path stand twice")
        control.close()
        loop.close()
        return Set(entries.filter { !$0.path.contains(".") })
    }

    /// The operations of docs/openapi.yaml. Read line by line: paths stand at two blanks, methods at four, what they say at six.
    private func described() throws -> Set<Entry> {
        let text = try String(contentsOfFile: RouteTableTests.repository + "/docs/openapi.yaml", encoding: .utf8)
        var entries: Set<Entry> = []
        var path = ""
        var entry: Entry?
        for line in text.split(separator: "\n").map(String.init) {
            let indent = line.prefix { $0 == " " }.count
            let body = line.dropFirst(indent)
            if indent <= 4, let done = entry {
                entries.insert(done)
                entry = nil
            }
            if indent == 2, body.hasPrefix("/"), body.hasSuffix(":") { path = String(body.dropLast()) }
            if indent == 4, !path.isEmpty, ["get:", "post:", "patch:", "delete:"].contains(body) {
                entry = Entry(method: body.dropLast().uppercased(), path: path, role: "", summary: "")
            }
            if indent == 6, body.hasPrefix("x-role: ") { entry?.role = String(body.dropFirst(8)) }
            if indent == 6, body.hasPrefix("summary: ") { entry?.summary = String(body.dropFirst(9)) }
            if indent == 0, !body.hasPrefix("paths:") { path = "" }
        }
        return entries
    }

    @Test func `every route is described with its role and every description has a route`() throws {
        let (table, described) = (try table(), try described())
        let routes = { (entries: Set<Entry>) in Set(entries.map { "\($0.method) \($0.path) \($0.role)" }) }
        #expect(described.count > 30)
        #expect(routes(table).subtracting(routes(described)).sorted() == [], "not in docs/openapi.yaml")
        #expect(routes(described).subtracting(routes(table)).sorted() == [], "not in the table of routes")
    }

    @Test func `every field of a row is described and no other`() throws {
        let text = try String(contentsOfFile: RouteTableTests.repository + "/docs/openapi.yaml", encoding: .utf8)
        let schema = try #require(text.components(separatedBy: "    LogRow:\n").last)
        let names = try #require(schema.components(separatedBy: "required: [").dropFirst().first?.components(separatedBy: "]").first)
        #expect(names.components(separatedBy: ", ") == LogRowField.all.map(\.name))
    }
}
