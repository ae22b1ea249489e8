#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What the kernel tells of this process, under the names that every Prometheus client library uses.
struct ProcessReading {
    /// User and system time, in microseconds.
    var cpuMicroseconds: UInt64
    /// Resident memory in bytes; 0 where it can't be read.
    var residentBytes: UInt64

    /// Reads it now: two system calls and one read of `/proc`.
    static func now() -> ProcessReading {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        let times = [usage.ru_utime, usage.ru_stime]
        let cpu = times.reduce(UInt64(0)) { $0 + UInt64(clamping: $1.tv_sec) * 1_000_000 + UInt64(clamping: $1.tv_usec) }
        return ProcessReading(cpuMicroseconds: cpu, residentBytes: residentPages() * UInt64(clamping: sysconf(Int32(_SC_PAGESIZE))))
    }

    /// The second number of `/proc/self/statm`.
    private static func residentPages() -> UInt64 {
        let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { return 0 }
        let numbers = buffer[..<count].split(separator: 0x20)
        return numbers.count > 1 ? UInt64(String(decoding: numbers[1], as: UTF8.self)) ?? 0 : 0
    }
}
