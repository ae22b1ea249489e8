import FuzzDriver

/// libFuzzer's entry: any bytes as a text to be tokenized.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzWordPiece(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    if let fault = wordPieceFault(fuzzBytes(start, count)) { fatalError(fault) }
    return 0
}

/// The program.
@_cdecl("WordPieceFuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    runFuzzer(count, arguments) { fuzzWordPiece($0, $1) }
}
