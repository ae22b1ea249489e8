import HTTP1
import Testing

@Suite struct RefusalTests {
    @Test func `every refusal has a code of its own, a documented status and a sentence`() {
        #expect(Set(HTTPRefusal.allCases.map(\.code)).count == HTTPRefusal.allCases.count)
        for refusal in HTTPRefusal.allCases {
            #expect([400, 405, 408, 413, 414, 417, 431, 501, 505].contains(refusal.status))
            #expect(refusal.code.utf8.allSatisfy { 0x61...0x7A ~= $0 || 0x30...0x39 ~= $0 || $0 == 0x5F })
            #expect(refusal.message.hasSuffix("."))
        }
    }

    @Test func `a refusal closes the connection and blames the client`() {
        for refusal in HTTPRefusal.allCases {
            let error = refusal.asGatewayError
            #expect(error.closesConnection)
            #expect(error.source == .client)
            #expect(error.status == refusal.status && error.code == refusal.code && error.message == refusal.message)
        }
        #expect(HTTPRefusal.missingHost.asGatewayError.param == "Host")
    }
}
