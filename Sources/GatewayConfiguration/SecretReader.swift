// Secrets stand outside the file: in an environment variable, in a file, or in systemd's credentials folder. The file only says where, and no
// message repeats what was found there.

/// Resolves references such as `env:OPENAI_API_KEY`.
struct SecretReader {
    /// The longest secret, in bytes.
    static let bytesMax = 16 << 10

    /// Why a reference gave no secret.
    struct Problem: Error, Equatable {
        let message: String
        init(_ message: String) { self.message = message }
    }

    let environment: [String: String]
    /// The folder that relative paths start from.
    let folder: String
    let readFile: ConfigurationLoader.FileReader

    /// The secret behind a reference.
    func secret(_ reference: String) throws(Problem) -> Secret {
        if reference.hasPrefix("env:") { return try variable(String(reference.dropFirst(4))) }
        if reference.hasPrefix("file:") { return try file(String(reference.dropFirst(5)), shown: String(reference.dropFirst(5))) }
        if reference.hasPrefix("credential:") { return try credential(String(reference.dropFirst(11))) }
        throw Problem("must be env:NAME, file:PATH or credential:NAME; a secret itself does not belong in this file")
    }

    private func variable(_ name: String) throws(Problem) -> Secret {
        guard SecretReader.isVariableName(name) else { throw Problem("env: must be followed by the name of an environment variable") }
        guard let value = environment[name], !value.isEmpty else { throw Problem("environment variable \(name) is not set") }
        return try checked(value, from: "environment variable \(name)")
    }

    private func credential(_ name: String) throws(Problem) -> Secret {
        guard !name.isEmpty, !name.contains("/"), name != ".", name != ".." else {
            throw Problem("credential: must be followed by a plain name")
        }
        guard let folder = environment["CREDENTIALS_DIRECTORY"], !folder.isEmpty else {
            throw Problem("credential:\(name) needs systemd's CREDENTIALS_DIRECTORY, which is not set")
        }
        return try file(folder + "/" + name, shown: "credential \(name)")
    }

    private func file(_ path: String, shown: String) throws(Problem) -> Secret {
        guard !path.isEmpty else { throw Problem("file: must be followed by a path") }
        let bytes: [UInt8]
        do {
            bytes = try readFile(ConfigurationLoader.path(path, below: folder))
        } catch {
            throw Problem("file \(shown) can't be read: \(error.reason)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Problem("file \(shown) is not valid UTF-8") }
        var value = text[...]
        while value.last?.isNewline == true { value.removeLast() }
        guard !value.isEmpty else { throw Problem("file \(shown) is empty") }
        return try checked(String(value), from: "file \(shown)")
    }

    /// Secrets go into header fields, so they are visible ASCII: anything else is a slip, such as a second line or a pasted quotation mark.
    private func checked(_ value: String, from source: String) throws(Problem) -> Secret {
        guard value.utf8.count <= SecretReader.bytesMax else { throw Problem("\(source) is longer than \(SecretReader.bytesMax) bytes") }
        guard value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Problem("\(source) holds a space, a line break or a character that can't be sent in a header")
        }
        return Secret(value)
    }

    static func isVariableName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first), name.utf8.count <= 128 else { return false }
        return name.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x5F }
    }
}
