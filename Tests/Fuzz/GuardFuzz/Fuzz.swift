/// libFuzzer's entry: any bytes as two texts.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGuard(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    if let fault = guardFault(Array(UnsafeBufferPointer(start: start, count: count))) { fatalError(fault) }
    return 0
}

/// libFuzzer's main loop.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// The program: SwiftPM renames an executable's entry point and expects this one.
@_cdecl("GuardFuzz_main")
public func runFuzzer(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var (count, arguments) = (count, arguments)
    return runDriver(&count, &arguments) { fuzzGuard($0, $1) }
}
