import FuzzDriver

/// libFuzzer's entry: any bytes as a configuration file.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    if let fault = configurationFault(fuzzBytes(data, count)) { fatalError(fault) }
    return 0
}

/// The program.
@_cdecl("ConfigurationFuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    runFuzzer(count, arguments) { fuzz($0, $1) }
}
