import GatewayModel
import HTTP1
import Providers
import RequestScan
import Routing

extension RoutingHints {
    /// OpenRouter's wishes with providers by index; names that are not configured here mean nothing.
    init(_ wishes: RoutingWishes, indexOf: (String) -> Int?) {
        self.init(
            models: wishes.models, order: wishes.order.compactMap(indexOf), allowsFallbacks: wishes.allowsFallbacks ?? true,
            only: wishes.only.map { $0.compactMap(indexOf) }, ignore: wishes.ignore.compactMap(indexOf),
            sort: wishes.sort.flatMap { Sort(rawValue: $0.rawValue) }, maxInputPrice: wishes.maxPromptPrice,
            maxOutputPrice: wishes.maxCompletionPrice)
    }
}

extension AttemptFields {
    /// What a request's head says of its attempts.
    init(_ head: RequestHead) throws(GatewayError) {
        self.init()
        for field in head.fields {
            let value = head.bytes.span.extracting(field.value)
            if let known = field.known {
                _ = try read(known, value)
            } else {
                _ = readRetryCounter(name: head.bytes.span.extracting(field.name), value)
            }
        }
    }
}
