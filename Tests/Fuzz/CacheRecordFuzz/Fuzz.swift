import ExactCacheTrial

/// The fuzzer's entry: any bytes are a stored record.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCacheRecord(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    CacheRecordTrial.run(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// The package manager links an executable's entry under this name, so libFuzzer's own `main` is not used.
@_cdecl("CacheRecordFuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var count = count
    var arguments = arguments
    return runDriver(&count, &arguments, fuzzCacheRecord)
}
