import FuzzDriver
import GatewayModel

/// libFuzzer's entry: the first byte picks the operation, the rest is a body.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRequestScan(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = fuzzBytes(start, count)
    guard let first = bytes.first else { return 0 }
    let operations = Operation.allCases
    let operation = operations[Int(first) % operations.count]
    let body = Array(bytes.dropFirst())
    if let fault = scanFault(body, operation) { fatalError(fault) }
    return 0
}

/// The program.
@_cdecl("RequestScanFuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    runFuzzer(count, arguments) { fuzzRequestScan($0, $1) }
}
