import FuzzDriver
import GatewayModel

/// libFuzzer's entry: the first byte picks the operation, the second the size of chunks, the rest is an answer's body.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzStream(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = fuzzBytes(start, count)
    guard count > 1 else { return 0 }
    let operations = Operation.allCases
    let body = Array(bytes.dropFirst(2))
    if let fault = streamFault(body, operations[Int(bytes[0]) % operations.count], step: Int(bytes[1] % 32) + 1) { fatalError(fault) }
    return 0
}

/// The program.
@_cdecl("SSEFuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    runFuzzer(count, arguments) { fuzzStream($0, $1) }
}
