import Foundation
import GatewayModel
import TestSupport
import Testing

@testable import Tenants

@Suite struct KeyFormatTests {
    @Test func `a key is wk_ and the base64url of its 32 bytes`() throws {
        var random = SplitMix64(seed: 3)
        for _ in 0..<500 {
            let raw = (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
            let expected = Data(raw).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
            let key = try #require(KeyFormat.key(from: raw))
            #expect(key == "wk_" + expected)
            #expect(key.utf8.count == KeyFormat.byteCount)
            let text = bytes(key)
            #expect(KeyFormat.isWellFormed(text))
            #expect(KeyFormat.hint(of: key) == String(expected.suffix(4)))
        }
    }

    @Test func `a key of other than 32 bytes is not made`() {
        let (short, long) = ([UInt8](repeating: 0, count: 31), [UInt8](repeating: 0, count: 33))
        #expect(KeyFormat.key(from: short) == nil)
        #expect(KeyFormat.key(from: long) == nil)
        #expect(KeyFormat.id(from: short) == nil)
    }

    @Test func `an id has 16 characters and differs where its bytes do`() throws {
        var random = SplitMix64(seed: 4)
        var seen: Set<String> = []
        for _ in 0..<1000 {
            let raw = (0..<10).map { _ in UInt8.random(in: 0...255, using: &random) }
            let id = try #require(KeyFormat.id(from: raw))
            #expect(id.utf8.count == 20)
            #expect(id.hasPrefix("key_"))
            seen.insert(id)
        }
        #expect(seen.count == 1000)
    }

    @Test func `what is one byte too long, too short, or outside the alphabet is malformed`() {
        let good = bytes("wk_" + String(repeating: "A", count: 43))
        #expect(KeyFormat.isWellFormed(good))
        let (longer, shorter) = (good + [0x41], Array(good.dropLast()))
        #expect(!KeyFormat.isWellFormed(longer))
        #expect(!KeyFormat.isWellFormed(shorter))
        for index in good.indices {
            for byte in [UInt8(0), 0x20, 0x2B, 0x2F, 0x3D, 0x80, 0xFF] {
                var bad = good
                bad[index] = byte
                #expect(!KeyFormat.isWellFormed(bad))
            }
        }
    }

    @Test(arguments: [
        ("1970-01-01", 0), ("2000-02-29", 951_782_400), ("2027-01-01", 1_798_761_600), ("2027-01-01T00:00Z", 1_798_761_600),
        ("2027-01-01T12:34:56Z", 1_798_806_896), ("2027-01-01T02:00:00+02:00", 1_798_761_600), ("2026-12-31T19:30:00-04:30", 1_798_761_600),
        ("9999-12-31", 253_402_214_400),
    ])
    func `a date is its first moment in UTC`(_ text: String, _ seconds: Int64) {
        #expect(Expiry.moment(text) == WallTime(milliseconds: seconds * 1000))
        #expect(Expiry.parse(text, now: WallTime(milliseconds: 0)) == WallTime(milliseconds: seconds * 1000))
    }

    @Test(arguments: [
        "", "2027", "2027-13-01", "2027-00-01", "2027-02-29", "2100-02-29", "2027-04-31", "2027-01-00", "1969-12-31", "2027-1-1",
        "2027/01/01",
        "2027-01-01T", "2027-01-01T24:00Z", "2027-01-01T12:60Z", "2027-01-01T12:00", "2027-01-01T12:00:00", "2027-01-01T12:00Zx", "0d",
        "-1d",
        "d", "1", "30 d", "1.5d", "99999999999d", "101y", "9223372036854775807s", "2027-01-01T12:00:00+24:00",
    ])
    func `a malformed expiry is refused`(_ text: String) {
        #expect(Expiry.parse(text, now: WallTime(milliseconds: 0)) == nil)
    }

    @Test(arguments: [
        ("90s", 90), ("45m", 2700), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600), ("1y", 31_536_000), ("100y", 3_153_600_000),
    ])
    func `a span counts from now`(_ text: String, _ seconds: Int64) {
        let now = WallTime(milliseconds: 1_000_000)
        #expect(Expiry.parse(text, now: now) == now.adding(seconds: seconds))
    }

    @Test func `a printed moment is the one that is read`() {
        var random = SplitMix64(seed: 5)
        for _ in 0..<5000 {
            let time = WallTime(milliseconds: Int64.random(in: 0..<253_402_300_800, using: &random) * 1000)
            #expect(Expiry.moment(Expiry.text(of: time)) == time)
        }
        #expect(Expiry.text(of: WallTime(milliseconds: 951_782_400_000)) == "2000-02-29T00:00:00Z")
        #expect(Expiry.text(of: WallTime(milliseconds: -1)) == "1970-01-01T00:00:00Z")
        #expect(Expiry.text(of: WallTime(milliseconds: .max)) == "9999-12-31T23:59:59Z")
    }

    @Test func `options are read from comma-separated texts`() throws {
        let now = WallTime(milliseconds: 1_800_000_000_000)
        let options = try KeyOptions(
            models: "gpt-4o*, openai/o3", providers: "openai", paths: "/v1/chat*", addresses: "10.0.0.0/8,::1", expires: "30d", now: now)
        #expect(options.models.texts == ["gpt-4o*", "openai/o3"])
        #expect(options.addresses.texts == ["10.0.0.0/8", "::1"])
        #expect(options.expires == now.adding(seconds: 30 * 86_400))
        #expect(try KeyOptions(expires: "never", now: now).expires == nil)
        #expect(throws: PatternError("\"2026-01-01\" lies in the past")) { try KeyOptions(expires: "2026-01-01", now: now) }
        #expect(throws: PatternError("\"soon\" is not \(Expiry.rule)")) { try KeyOptions(expires: "soon", now: now) }
        #expect(throws: PatternError.self) { try KeyOptions(models: "a,,b", now: now) }
        #expect(throws: PatternError.self) { try KeyOptions(models: "", now: now) }
        #expect(throws: PatternError.self) { try KeyOptions(addresses: "10.0.0.1/8", now: now) }
    }

    @Test func `16 metadata entries fit and a 17th does not`() throws {
        var metadata = Metadata()
        for index in 0..<16 { try metadata.add("n\(index)", .text(String(repeating: "x", count: 256))) }
        #expect(throws: PatternError("more than 16 metadata entries")) { try metadata.add("n16", .flag(true)) }
        var other = Metadata()
        #expect(throws: PatternError.self) { try other.add("n", .text(String(repeating: "x", count: 257))) }
        #expect(throws: PatternError.self) { try other.add("", .flag(true)) }
        #expect(throws: PatternError.self) { try other.add(String(repeating: "n", count: 65), .flag(true)) }
        try other.add(String(repeating: "n", count: 64), .flag(true))
        #expect(throws: PatternError.self) { try other.add(String(repeating: "n", count: 64), .flag(true)) }
        #expect(try Metadata(other.json) == other)
        #expect(throws: PatternError.self) { try Metadata(["a": [1]]) }
    }
}
