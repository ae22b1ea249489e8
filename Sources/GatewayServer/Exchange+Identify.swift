// Phases 2 and 3: who asks, and for what. 401 precedes everything, 404 follows, 403 where a policy forbids.

import GatewayModel
import HTTP1
import Providers
import Tenants

/// A client's own provider key, and the field it came in.
struct ClientCredential: Sendable {
    let field: FieldName
    let value: [UInt8]
}

extension Exchange {
    // MARK: 2 identify

    /// The fields a virtual key may stand in besides `cf-aig-authorization`.
    private static let keyFields: [FieldName] = [.authorization, .xApiKey, .apiKey, .xGoogApiKey]

    func identify(_ head: RequestHead) throws(GatewayError) {
        let presented: Range<Int>
        do throws(GatewayError) { presented = try presentedKey(head) } catch {
            worker.counters.add(.authenticationFailures)
            throw error
        }
        let address = client.clientAddress(head)
        let result = snapshot.keys.authenticate(presented: head.bytes.span.extracting(presented), address: address, now: worker.wallNow)
        switch result {
        case .failure(let failure):
            throw worker.noteFailedAuthentication(from: address) ?? failure.error
        case .success(let identity):
            self.identity = identity
            tenant = snapshot.tenants[Int(identity.tenant.rawValue)]
            findLimits(of: identity)
        }
    }

    /// The range of the one virtual key in the head. A key in the query is not looked for: it would end up in logs on its way.
    private func presentedKey(_ head: RequestHead) throws(GatewayError) -> Range<Int> {
        var found: Range<Int>?
        if head.count(of: .cfAigAuthorization) > 0 {
            guard let range = head.first(.cfAigAuthorization), head.count(of: .cfAigAuthorization) == 1,
                let key = Self.bearer(head, range), Self.isVirtualKey(head, key)
            else { throw AuthenticationFailure.invalidKey.error }
            found = key
        }
        for field in Self.keyFields {
            for value in head.all(field) {
                let key = field == .authorization ? Self.bearer(head, value) ?? value : value
                guard Self.isVirtualKey(head, key) else { continue }
                if let found, !head.bytes[found].elementsEqual(head.bytes[key]) { throw AuthenticationFailure.twoKeys.error }
                found = found ?? key
            }
        }
        guard let found else { throw AuthenticationFailure.missingKey.error }
        return found
    }

    /// The part after `Bearer `, in any case; `nil` for another scheme.
    private static func bearer(_ head: RequestHead, _ range: Range<Int>) -> Range<Int>? {
        let scheme: StaticString = "bearer "
        guard range.count > 7 else { return nil }
        for index in 0..<7 where head.bytes[range.lowerBound + index] | 0x20 != scheme.utf8Start[index] | 0x20 { return nil }
        var start = range.lowerBound + 7
        while start < range.upperBound, head.bytes[start] == 0x20 { start += 1 }
        return start..<range.upperBound
    }

    private static func isVirtualKey(_ head: RequestHead, _ range: Range<Int>) -> Bool {
        range.count > 3 && head.bytes[range.lowerBound] == 0x77 && head.bytes[range.lowerBound + 1] == 0x6B
            && head.bytes[range.lowerBound + 2] == 0x5F
    }

    // MARK: 3 route

    func route(_ head: RequestHead) throws(GatewayError) {
        switch routed {
        case .refused(let refusal): throw refusal.error
        case .unified(let request):
            operation = request.operation
            isUnified = true
            wantsStream = request.isGeminiStream
            if request.isGeminiStream, !request.wantsServerSentEvents { streamForm = .geminiArray }
        case .native(let request):
            operation = request.operation
            wantsStream = request.isGeminiStream
            if request.isGeminiStream, !request.wantsServerSentEvents { streamForm = .geminiArray }
        case .universal: return
        case .tenant, .health: break
        }
        clientCredential = try findClientCredential(head)
    }

    /// The client's own provider key, where the policy wants it. A virtual key never counts as one.
    private func findClientCredential(_ head: RequestHead) throws(GatewayError) -> ClientCredential? {
        guard let tenant, tenant.tenant.providerKeys != .configured else { return nil }
        for field in Self.keyFields {
            guard let value = head.first(field) else { continue }
            let key = field == .authorization ? Self.bearer(head, value) ?? value : value
            if Self.isVirtualKey(head, key) { continue }
            guard head.count(of: field) == 1 else {
                throw GatewayError(
                    status: 400, code: "two_provider_keys", message: "The field \(field.name) was sent more than once.", param: field.name)
            }
            return ClientCredential(field: field, value: Array(head.bytes[value]))
        }
        guard tenant.tenant.providerKeys != .client else {
            throw GatewayError(
                status: 401, code: "provider_key_required",
                message: "This tenant brings its own provider keys: send yours beside the virtual key in cf-aig-authorization.")
        }
        return nil
    }
}
