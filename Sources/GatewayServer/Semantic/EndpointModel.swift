// Which model an endpoint's vectors are of. The first answer says it; every other must say the same, after a restart too, since the stored
// vectors are still those of the first. So the name is kept in a file beside the store, with a number drawn when the file was made: the store
// goes by that number, and drops its vectors when the file is gone or is another endpoint's.

import GatewayModel
import Hashing
import JSON
import Tenants

/// See the file's header. Any thread.
final class EndpointModel: Sendable {
    /// The file.
    let path: String
    /// Names the vectors that may be compared with one another.
    let generation: String
    private let identity: String
    private let name: Locked<String?>

    /// Reads the file, or makes a new one where there is none, it can't be understood, or it is another endpoint's.
    /// - Parameter identity: what the vectors depend on as far as it is configured. It is not written down, only its digest.
    /// - Throws: why the file can be neither read nor made.
    init(path: String, identity: String) throws(PrivateFileError) {
        self.path = path
        self.identity = SHA256.digest(of: Array(identity.utf8).span).hex
        if let bytes = try PrivateFile.read(path), let kept = try? JSONValue(parsing: bytes.span),
            kept["endpoint"]?.stringValue == self.identity, let generation = kept["generation"]?.stringValue
        {
            self.generation = generation
            name = Locked(kept["model"]?.stringValue)
            return
        }
        generation = String(UInt64.random(in: .min ... .max), radix: 16)
        name = Locked(nil)
        try save(nil)
    }

    /// Whether a vector of this model may be used with the others. The first name that is given is kept: some milliseconds, once in the life
    /// of the store; a vector is used only when the name is safe on disk.
    func check(_ model: String) throws(EndpointFailure) {
        let verdict: Result<Void, EndpointFailure> = name.withLock { name in
            if let name { return name == model ? .success(()) : .failure(.modelChanged) }
            do throws(PrivateFileError) { try save(model) } catch { return .failure(.modelUnsaved) }
            name = model
            return .success(())
        }
        try verdict.get()
    }

    private func save(_ model: String?) throws(PrivateFileError) {
        var bytes: [UInt8] = []
        let kept: JSONValue = [
            "endpoint": .string(identity), "generation": .string(generation), "model": model.map { .string($0) } ?? .null,
        ]
        kept.write(to: &bytes)
        try PrivateFile.create(path, bytes, replacing: true)
    }
}
