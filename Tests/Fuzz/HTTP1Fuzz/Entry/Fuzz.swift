// libFuzzer's entry: swift build --target HTTP1Fuzz with WEIR_FUZZ=1. The first byte chooses the limits, so that small ones are met too.

import HTTP1
import HTTP1Transcript

/// One input of libFuzzer. A fault traps, which the fuzzer reports with the input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    let small = HTTP1Limits(
        targetBytesMax: 24, fieldBytesMax: 32, headBytesMax: 128, fieldsMax: 3, connectionOptionsMax: 2, chunkOverheadBytesMax: 16,
        chunkOverheadRatioMax: 2, trailerBytesMax: 32, emptyLinesMax: 0)
    if let fault = findParserFault(in: bytes, limits: start[0] & 1 == 0 ? HTTP1Limits() : small) { fatalError(fault) }
    return 0
}
