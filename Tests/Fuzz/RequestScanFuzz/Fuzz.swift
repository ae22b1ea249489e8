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
