import GatewayModel

/// libFuzzer's entry: the first byte picks the operation, the second the size of chunks, the rest is an answer's body.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzStream(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 1 else { return 0 }
    let operations = Operation.allCases
    let body = Array(UnsafeBufferPointer(start: start + 2, count: count - 2))
    if let fault = streamFault(body, operations[Int(start[0]) % operations.count], step: Int(start[1] % 32) + 1) { fatalError(fault) }
    return 0
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// The package manager links an executable's `main` under this name, so libFuzzer's own is not found and is called from here.
@_cdecl("SSEFuzz_main")
public func runFuzzer(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var count = count
    var arguments = arguments
    return runDriver(&count, &arguments) { fuzzStream($0, $1) }
}
