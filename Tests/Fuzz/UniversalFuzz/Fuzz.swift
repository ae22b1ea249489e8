import FuzzDriver
import GatewayModel
import Providers

/// The providers that steps may name.
private let router: PathRouter? = {
    let base = ProviderBase(
        dialect: .openAI, url: "https://api.openai.com/v1", operations: [OfferedOperation(.chatCompletions, path: "/chat/completions")])
    let mount = NativeMount(url: "https://api.openai.com", versions: ["v1"])
    return (try? ProviderTable([ProviderDefinition(name: "openai", bases: [base], native: [mount])])).map { PathRouter(providers: $0) }
}()

/// libFuzzer's entry: the bytes are a body of the universal endpoint, and an upstream's refusal.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzUniversal(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let router else { fatalError("no router") }
    if let fault = universalFault(fuzzBytes(start, count), router) { fatalError(fault) }
    return 0
}

/// The program.
@_cdecl("UniversalFuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    runFuzzer(count, arguments) { fuzzUniversal($0, $1) }
}
