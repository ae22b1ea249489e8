import FuzzDriver

/// libFuzzer's entry: any bytes as two texts.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGuard(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    if let fault = guardFault(fuzzBytes(start, count)) { fatalError(fault) }
    return 0
}

/// The program.
@_cdecl("GuardFuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    runFuzzer(count, arguments) { fuzzGuard($0, $1) }
}
