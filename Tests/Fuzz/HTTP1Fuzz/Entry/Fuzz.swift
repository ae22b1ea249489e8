// libFuzzer's entry. Build with coverage and run:
//   WEIR_FUZZ=1 swift build --product HTTP1Fuzz --scratch-path .build-fuzz -Xswiftc -sanitize=fuzzer,address
//   .build-fuzz/debug/HTTP1Fuzz -max_total_time=600 -max_len=2048 CORPUS
// The first byte of an input chooses the limits, so that small ones are met too.

import FuzzDriver
import HTTP1
import HTTP1Transcript

/// One input of libFuzzer. A fault traps, which the fuzzer reports with the input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = fuzzBytes(start, count)
    guard let first = input.first else { return 0 }
    let bytes = Array(input.dropFirst())
    let small = HTTP1Limits(
        targetBytesMax: 24, fieldBytesMax: 32, headBytesMax: 128, fieldsMax: 3, connectionOptionsMax: 2, chunkOverheadBytesMax: 16,
        chunkOverheadRatioMax: 2, trailerBytesMax: 32, emptyLinesMax: 0)
    if let fault = findParserFault(in: bytes, limits: first & 1 == 0 ? HTTP1Limits() : small) { fatalError(fault) }
    return 0
}

/// The program.
@_cdecl("HTTP1Fuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    runFuzzer(count, arguments) { fuzzOneInput($0, $1) }
}
