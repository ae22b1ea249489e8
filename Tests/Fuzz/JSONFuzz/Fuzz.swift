import FuzzDriver

/// libFuzzer's entry: any bytes as a JSON document.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    if let fault = roundTripFault(fuzzBytes(start, count)) { fatalError(fault) }
    return 0
}

/// The program.
@_cdecl("JSONFuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    runFuzzer(count, arguments) { fuzzJSON($0, $1) }
}
