import GatewayModel
import Testing

@testable import Admin

@Suite struct CacheEntriesFieldsTests {
    private func fields(_ pairs: [(String, String)]) throws(GatewayError) -> CacheEntriesFields {
        try CacheEntriesFields(pairs.map { QueryField(name: $0.0, value: $0.1) })
    }

    @Test(arguments: [
        [("limit", "0")], [("limit", "501")], [("limit", "x")], [("cursor", "-1")], [("cursor", "n1")], [("order", "newest")],
        [("tenant", "a"), ("tenant", "a")], [("search", String(repeating: "x", count: 257))],
    ])
    func `a field that can't be is refused`(pairs: [(String, String)]) {
        #expect(throws: GatewayError.self) { try self.fields(pairs) }
    }

    @Test func `fields are taken, at their bounds too`() throws {
        let taken = try fields([
            ("limit", "500"), ("cursor", "18446744073709551615"), ("tenant", "t"), ("model", "m"),
            ("search", String(repeating: "x", count: 256)),
        ])
        #expect(taken.limit == 500 && taken.cursor == .max && taken.query.tenantID == "t" && taken.query.model == "m")
    }
}
