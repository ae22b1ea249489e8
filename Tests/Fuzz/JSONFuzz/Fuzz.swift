/// libFuzzer's entry: any bytes as a JSON document.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    if let fault = roundTripFault(Array(UnsafeBufferPointer(start: start, count: count))) { fatalError(fault) }
    return 0
}
