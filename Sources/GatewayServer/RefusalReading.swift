import Providers
import Routing

/// What a refusal's body says about the request, in the words of routing.
enum RefusalReading {
    /// `nil` for a refusal that no other model would see differently.
    static func refusal(in body: Span<UInt8>, status: Int) -> UpstreamRefusal? {
        switch RefusalDetector.refusal(status: status, body: body) {
        case .contextLength?: .contextLength
        case .contentFilter?: .contentFilter
        case nil: nil
        }
    }
}
