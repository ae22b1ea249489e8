import CUV

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a server sets once for its whole process, before its loops start.
public enum ProcessLimits {
    /// Raises the soft limit of open files to the hard limit.
    /// - Returns: The limit now in force; 0 when the system did not say.
    @discardableResult
    public static func raiseOpenFileLimit() -> UInt64 {
        var limit = rlimit()
        guard getrlimit(fileResource, &limit) == 0 else { return 0 }
        let before = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        return UInt64(setrlimit(fileResource, &limit) == 0 ? limit.rlim_cur : before)
    }

    /// Makes writing to a closed connection an error (`EPIPE`) instead of the process's end.
    public static func ignoreBrokenPipes() {
        signal(SIGPIPE, SIG_IGN)
    }

    /// Forbids core dumps, and other processes of the same user to read our memory, since both would hold keys.
    public static func forbidCoreDumps() {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        #if canImport(Glibc)
            setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        #else
            setrlimit(RLIMIT_CORE, &none)
        #endif
        weir_forbid_dumps()
    }

    #if canImport(Glibc)
        private static var fileResource: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
    #else
        private static var fileResource: Int32 { RLIMIT_NOFILE }
    #endif
}
