import ExactCacheTrial
import FuzzDriver

/// The fuzzer's entry: any bytes are a stored record.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCacheRecord(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    CacheRecordTrial.run(fuzzBytes(start, count))
    return 0
}

/// The program.
@_cdecl("CacheRecordFuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    runFuzzer(count, arguments) { fuzzCacheRecord($0, $1) }
}
