// Takes secrets and personal data out of what is collected, before it is written. Two passes: the built-in forms in one scan by hand, then the
// operator's patterns. Redaction is a net with holes, not a proof: what it does not know stays.

import GatewayModel

/// Why a redaction rule can't be used.
public struct RedactionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The pattern's place, from 0; `nil` where all of them are meant.
    public var pattern: Int?
    /// What is wrong.
    public var reason: String

    /// The sentence.
    public var description: String { pattern.map { "pattern \($0 + 1) \(reason)" } ?? reason }
}

/// Takes secrets and personal data out of bytes. Immutable; any thread may use it.
public struct Redactor: Sendable {
    /// The built-in forms.
    public enum Kind: String, Sendable, CaseIterable {
        /// API keys of well-known makes, tokens behind `Bearer`, JSON Web Tokens.
        case key
        case email
        /// Numbers with a country's code, and the written forms of national ones; never bare digits.
        case phone
        /// Payment cards: issuer, length and check digit hold.
        case card
        /// Bank accounts: the check digits hold.
        case iban
    }

    /// Patterns of the operator's.
    public static let patternsMax = 32
    /// The forms that are looked for.
    public let kinds: Set<Kind>
    /// Time for one body, in milliseconds. What takes longer is withheld as a whole.
    public let millisecondsMax: UInt64
    private let patterns: [OperatorPattern]

    /// Makes a redactor.
    ///
    /// - Parameter patterns: extended regular expressions (POSIX 1003.1), with `\d \w \s \b`, `(?:…)` and a leading `(?i)` besides. They are
    ///   matched in time that does not explode, so there are no references back, no look-around, no lazy quantifiers. A match over 512 bytes
    ///   may be missed.
    /// - Throws: a pattern is malformed, too large, or matches the empty text.
    public init(kinds: Set<Kind> = Set(Kind.allCases), patterns: [String] = [], millisecondsMax: UInt64 = 50) throws(RedactionError) {
        guard patterns.count <= Redactor.patternsMax else { throw RedactionError(pattern: nil, reason: "there are more than 32 patterns") }
        self.kinds = kinds
        self.millisecondsMax = millisecondsMax
        var compiled: [OperatorPattern] = []
        for (index, text) in patterns.enumerated() {
            do throws(RedactionError) { compiled.append(try OperatorPattern(text)) } catch {
                throw RedactionError(pattern: index, reason: error.reason)
            }
        }
        self.patterns = compiled
    }

    private init() {
        kinds = Set(Kind.allCases)
        millisecondsMax = 50
        patterns = []
    }

    /// The built-in forms alone.
    public static let builtin = Redactor()

    /// The bytes with `[redacted:KIND]` in place of what was found. Where they are cut, the last token goes as well: it may be half a secret.
    /// - Returns: `nil` if time ran out: nothing of it may be written then.
    public func redact(_ bytes: Span<UInt8>, isCut: Bool, clock: () -> MonotonicTime = MonotonicTime.now) -> [UInt8]? {
        let deadline = clock().adding(milliseconds: millisecondsMax)
        return bytes.withUnsafeBufferPointer { bytes in
            let whole = UnsafeBufferPointer(rebasing: bytes[..<(isCut ? Redactor.end(ofCut: bytes) : bytes.count)])
            var scan = RedactionScan(whole, kinds)
            var result = scan.run()
            for pattern in patterns {
                guard let next = pattern.replaceAll(in: result, deadline: deadline, clock: clock) else { return nil }
                result = next
            }
            return result
        }
    }

    /// Where the last token that may be cut begins: at least 64 bytes before the end, at most 1,024.
    private static func end(ofCut bytes: UnsafeBufferPointer<UInt8>) -> Int {
        let sure = max(0, bytes.count - 64)
        let farthest = max(0, bytes.count - 1024)
        var end = sure
        while end > farthest, RedactionScan.isToken(bytes[end - 1]) { end -= 1 }
        return end
    }
}
