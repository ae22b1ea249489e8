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
    }

    /// Reads a whole file by its path.
    public typealias FileReader = (String) throws(FileProblem) -> [UInt8]

    /// A path as it is read: an absolute one as it is, a relative one below `folder`.
    static func path(_ path: String, below folder: String) -> String {
        path.hasPrefix("/") || folder.isEmpty ? path : folder + "/" + path
    }

    /// The folder part of a path, empty for the current one.
    static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: 0x2F) else { return "" }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
