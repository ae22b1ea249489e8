import GatewayConfiguration
import GatewayModel
import Tenants

/// Two providers, so that most of the time goes into the input.
private let providers = Array(
    """
    providers:
      openai: {url: https://api.openai.com/v1, key_env: OPENAI_API_KEY}
      demo: {url: "http://127.0.0.1:8789/v1", allow_private: true, local: true}
    """.utf8)

/// Any bytes as the configuration file, and as every small text that operators write: a result or an error with lines, never a trap.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: count))
    do {
        let snapshot = try ConfigurationLoader.load(path: "weir.yaml", environment: ["OPENAI_API_KEY": "k"]) {
            (path) throws(ConfigurationLoader.FileProblem) in
            if path == "weir.yaml" { return bytes }
            guard path.hasSuffix("providers.yaml") else { throw ConfigurationLoader.FileProblem(reason: "No such file or directory") }
            return providers
        }
        precondition(!snapshot.description.isEmpty)
    } catch {
        precondition(!error.errors.isEmpty && error.errors.count <= ConfigurationErrors.countMax && !error.description.isEmpty)
    }
    if bytes.count <= 100 { readSmallTexts(String(decoding: bytes, as: UTF8.self)) }
    return 0
}

/// libFuzzer's main loop.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// The program: SwiftPM renames an executable's entry point and expects this one.
@_cdecl("ConfigurationFuzz_main")
public func runFuzzer(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var (count, arguments) = (count, arguments)
    return runDriver(&count, &arguments) { fuzz($0, $1) }
}

private func readSmallTexts(_ text: String) {
    let now = WallTime(milliseconds: 1_800_000_000_000)
    if let address = IPAddress(text) { precondition(IPAddress(address.description) == address) }
    if let range = AddressRange(text) { precondition(AddressRange(range.description)?.contains(range.base) == true) }
    if let moment = Expiry.moment(text) { precondition(moment.milliseconds >= -86_400_000) }
    if let listen = ListenAddress(text) { precondition(ListenAddress(listen.description) == listen) }
    _ = Expiry.parse(text, now: now)
    _ = try? KeyOptions(models: text, providers: text, paths: text, addresses: text, expires: text, now: now)
}
