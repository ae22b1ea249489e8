import GatewayConfiguration
import GatewayModel
import JSON
import Routing
import Tenants

/// What must hold for any bytes as a configuration file: they are refused with lines, or loaded. Also the fuzzer's body.
/// Returns what went wrong.
func configurationFault(_ bytes: [UInt8]) -> String? {
    let providers = """
        providers:
          openai: {url: https://api.openai.com/v1, key_env: OPENAI_API_KEY}
          demo: {url: "http://127.0.0.1:8789/v1", allow_private: true, local: true}
        """
    do {
        let snapshot = try ConfigurationLoader.load(path: "weir.yaml", environment: ["OPENAI_API_KEY": "k"]) {
            (path) throws(ConfigurationLoader.FileProblem) in
            if path == "weir.yaml" { return bytes }
            guard path.hasSuffix("providers.yaml") else { throw ConfigurationLoader.FileProblem(reason: "No such file or directory") }
            return Array(providers.utf8)
        }
        for limits in snapshot.tenancy.tenants.map(\.limits) + snapshot.tenancy.keys.map(\.limits) + snapshot.routes.map(\.limits) {
            if (try? LimitSet(json: limits.json)) != limits { return "limits read differently: \(limits.summary)" }
        }
        for route in snapshot.routes {
            guard let request = try? RehearsedRequest(json: [:], route: route, configuration: snapshot) else { return "no rehearsal" }
            let order = RouteRehearsal(of: route, request: request, in: snapshot).order
            if order.entries.count != route.plan.targets.count { return "a target of route \(route.name) was lost" }
            if route.targets.isEmpty || route.dialects.isEmpty { return "route \(route.name) can't be asked" }
        }
        if snapshot.description.isEmpty { return "a loaded configuration has no description" }
    } catch {
        if error.errors.isEmpty || error.errors.count > ConfigurationErrors.countMax { return "\(error.errors.count) errors" }
        if error.description.isEmpty { return "an error without text" }
    }
    return bytes.count <= 100 ? smallTextFault(String(decoding: bytes, as: UTF8.self)) : nil
}

/// What must hold for any text as a single value. Returns what went wrong.
func smallTextFault(_ text: String) -> String? {
    let now = WallTime(milliseconds: 1_800_000_000_000)
    if let address = IPAddress(text), IPAddress(address.description) != address { return "the address reads differently" }
    if let range = AddressRange(text), AddressRange(range.description) != range || !range.contains(range.base) {
        return "the block reads differently"
    }
    if let moment = Expiry.moment(text), moment.milliseconds < -86_400_000 { return "a moment before all time" }
    if let listen = ListenAddress(text), ListenAddress(listen.description) != listen { return "the socket address reads differently" }
    if let amount = try? LimitAmount.nanoUSD(text), (try? LimitAmount.nanoUSD(LimitAmount.usdText(nanoUSD: amount))) != amount {
        return "the money reads differently"
    }
    if let seconds = try? LimitAmount.seconds(text), (try? LimitAmount.seconds(LimitAmount.periodText(seconds: seconds))) != seconds {
        return "the period reads differently"
    }
    _ = Expiry.parse(text, now: now)
    _ = try? KeyOptions(models: text, providers: text, paths: text, addresses: text, expires: text, now: now)
    return nil
}
