import FuzzDriver

/// The fuzzer's entry: any bytes are a batch, a row, a record of the store, a filter.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzEvents(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    EventChecks.run(fuzzBytes(start, count))
    return 0
}

/// The program.
@_cdecl("EventFuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    runFuzzer(count, arguments) { fuzzEvents($0, $1) }
}
