import JSON

/// What must hold for any bytes: the parser refuses them, or what it read survives being written and read again. Also the fuzzer's body.
/// Returns what went wrong.
func roundTripFault(_ bytes: [UInt8]) -> String? {
    guard let value = try? JSONValue(parsing: bytes.span) else { return nil }
    let written = value.bytes
    guard let again = try? JSONValue(parsing: written.span) else { return "what was written is refused" }
    guard again == value else { return "what was written reads differently" }
    guard again.bytes == written else { return "writing is not stable" }
    return nil
}
