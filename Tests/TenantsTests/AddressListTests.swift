import Testing

@testable import Tenants

@Suite struct AddressListTests {
    @Test func `200 blocks are a list and 201 are not`() throws {
        let texts = (0..<201).map { "10.0.\($0).0/24" }
        #expect(try AddressList(Array(texts.prefix(200))).ranges.count == 200)
        #expect(throws: PatternError("201 addresses where at most 200 are allowed")) { try AddressList(texts) }
    }
}
