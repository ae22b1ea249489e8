import Foundation
import Testing

@testable import GatewayConfiguration

@Suite struct ParameterReferenceTests {
    private let path = repository + "/docs/configuration.md"

    @Test func `docs/configuration.md is what the parameter table prints`() throws {
        let text = ParameterReference.markdown()
        if ProcessInfo.processInfo.environment["WEIR_WRITE_DOCS"] != nil {
            try FileManager.default.createDirectory(atPath: repository + "/docs", withIntermediateDirectories: true)
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        let written = try String(contentsOfFile: path, encoding: .utf8)
        #expect(written == text, "run WEIR_WRITE_DOCS=1 swift test --filter ParameterReferenceTests")
    }

    @Test func `every default lies within its own bounds`() {
        for parameter in ParameterTable.standard.parameters {
            guard let range = parameter.range else { continue }
            switch parameter.standard {
            case .integer(let value): #expect(range.contains(value), "\(parameter.path)")
            case .text(let text): #expect(range.contains(text.utf8.count), "\(parameter.path)")
            case .number(let value):
                let value = parameter.kind == .share ? value * 100 : value
                #expect(value >= Double(range.lowerBound) && value <= Double(range.upperBound), "\(parameter.path)")
            case .none, .flag, .texts: break
            }
        }
    }

    @Test func `every parameter has advice that is a sentence`() {
        for parameter in ParameterTable.standard.parameters {
            #expect(parameter.advice.count > 10 && parameter.advice.hasSuffix("."), "\(parameter.path)")
        }
    }

    @Test func `every number is accepted at its bounds and refused one beyond`() {
        for parameter in ParameterTable.standard.parameters {
            guard let range = parameter.range, !parameter.path.contains("*"), parameter.path != "version" else { continue }
            guard ["count", "milliseconds", "seconds", "bytes"].contains(where: { "\(parameter.kind)".hasPrefix($0) }) else { continue }
            func complaint(_ value: Int) -> String? {
                let yaml = "providers_file: few.yaml\n" + nested(parameter.path, String(value))
                return refusals(yaml, files: ["few.yaml": fewProviders]).first {
                    $0.contains(": \(parameter.path): \(value) is ") && $0.contains("imum")
                }
            }
            let unit = parameter.unit.isEmpty ? "" : " (\(parameter.unit))"
            #expect(complaint(range.lowerBound) == nil, "\(parameter.path)")
            #expect(complaint(range.upperBound) == nil, "\(parameter.path)")
            let below = complaint(range.lowerBound - 1)
            #expect(below?.hasSuffix("is below the minimum \(range.lowerBound)\(unit)") == true, "\(parameter.path)")
            let above = complaint(range.upperBound + 1)
            #expect(above?.hasSuffix("is above the maximum \(range.upperBound)\(unit)") == true, "\(parameter.path)")
        }
    }

    /// A value under a dotted path as YAML.
    private func nested(_ path: String, _ value: String) -> String {
        let parts = path.split(separator: ".")
        return parts.enumerated().map { index, part in
            String(repeating: "  ", count: index) + part + ":" + (index == parts.count - 1 ? " \(value)" : "")
        }.joined(separator: "\n")
    }

    @Test func `the fields that take a restart are those the difference knows`() {
        let marked = ParameterTable.standard.parameters.filter { !$0.isReloadable }.map(\.path)
        #expect(Set(marked) == Set(ConfigurationDifference.restartFields.map(\.0)))
    }
}
