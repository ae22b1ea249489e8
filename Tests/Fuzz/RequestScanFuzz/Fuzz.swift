import GatewayModel

/// libFuzzer's entry: the first byte picks the operation, the rest is a body.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRequestScan(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let operations = Operation.allCases
    let operation = operations[Int(start[0]) % operations.count]
    let body = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    if let fault = scanFault(body, operation) { fatalError(fault) }
    return 0
}

/// libFuzzer's main loop.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// The program: SwiftPM renames an executable's entry point and expects this one.
@_cdecl("RequestScanFuzz_main")
public func runFuzzer(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var (count, arguments) = (count, arguments)
    return runDriver(&count, &arguments) { fuzzRequestScan($0, $1) }
}
