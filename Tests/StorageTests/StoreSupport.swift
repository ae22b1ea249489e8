import GatewayModel
import Glibc
import TestSupport
import Testing

@testable import Storage

let childCheck = ChildProcessCheck(executable: ChildProcess.torture) { ["check-plain", $0] }

func plainOptions(
    mapSize: Int = 8 << 20, isDisposable: Bool = false, durability: StoreDurability = .durable, version: UInt32 = 1, checked: Bool = false
) -> StoreOptions {
    let checker: @Sendable (String) -> StoreVerdict = { childCheck.run(path: $0) }
    return StoreOptions(
        schema: StoreSchema(name: "plain", version: version), databases: ["a", "b"], mapSize: mapSize, durability: durability,
        isDisposable: isDisposable, checker: checked ? checker : nil)
}

func key(_ number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

extension StoreEnvironment {
    func put(_ value: [UInt8], for key: [UInt8], in name: String = "a") throws {
        let database = self.database(name)
        try write { transaction throws(StoreError) in try transaction.put(value.span, for: key.span, in: database) }
    }

    func value(for key: [UInt8], in name: String = "a") -> [UInt8]? {
        makeReader().withValue(for: key.span, in: database(name)) { span in span.withUnsafeBufferPointer { Array($0) } }
    }
}

/// Runs `body` with the open descriptors of this process on `file` replaced by one of `replacement`, and puts them back.
func replacing(_ file: String, by replacement: String, only flag: Int32? = nil, _ body: () throws -> Void) rethrows {
    // All are found before any is copied: a copy may get the number that the listing itself had.
    let found = TemporaryFolder.names(in: "/proc/self/fd").compactMap { Int32($0) }.filter { descriptor in
        path(of: descriptor) == file && flag.map { fcntl(descriptor, F_GETFL) & $0 != 0 } ?? true
    }
    let saved = found.map { (descriptor: $0, copy: dup($0)) }
    for descriptor in found {
        let other = open(replacement, replacement == "/dev/full" ? O_RDWR : O_RDONLY)
        dup2(other, descriptor)
        close(other)
    }
    defer {
        for (descriptor, copy) in saved {
            // A reopen has closed it meanwhile; putting the copy there could hit a new file.
            if path(of: descriptor) == replacement { dup2(copy, descriptor) }
            close(copy)
        }
    }
    #expect(!saved.isEmpty)
    try body()
}

func path(of descriptor: Int32) -> String? {
    var bytes = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/fd/\(descriptor)", &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
}

/// Waits for something another thread does; gives up after 10 s, so that a fault fails the test instead of hanging it.
func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<10_000 {
        if condition() { return true }
        usleep(1000)
    }
    return condition()
}
