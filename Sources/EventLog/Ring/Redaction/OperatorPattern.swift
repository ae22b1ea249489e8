// The operator's patterns run on text that strangers write, so their time must not explode. Swift's Regex backtracks and can't be stopped;
// POSIX regular expressions of the C library are matched by an automaton. References back, which break that, are refused, and so are
// repetitions that would make the automaton huge. Text is looked at through a window, so that the work between two looks at the clock is small.

import GatewayModel

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// One compiled pattern.
final class OperatorPattern: @unchecked Sendable {  // @unchecked: only handed to `regexec`, which any thread may call (POSIX)
    private let compiled: UnsafeMutablePointer<regex_t>

    /// Bytes of a pattern.
    static let bytesMax = 512
    /// Bytes looked at in one call, and how much of them is looked at again at the next.
    private static let window = 4096
    private static let overlap = 512
    /// Not visible to Swift: the match is looked for between `rm_so` and `rm_eo` (GNU and BSD).
    private static let startEnd: Int32 = 4

    /// Compiles a pattern.
    init(_ text: String) throws(RedactionError) { compiled = try OperatorPattern.compile(text) }

    /// Apart from `init`: one that threw with everything set would run `deinit` as well.
    private static func compile(_ text: String) throws(RedactionError) -> UnsafeMutablePointer<regex_t> {
        let translated = try PatternTranslation.translate(text)
        let compiled = UnsafeMutablePointer<regex_t>.allocate(capacity: 1)
        compiled.initialize(to: regex_t())
        guard regcomp(compiled, translated.pattern, REG_EXTENDED | (translated.ignoresCase ? REG_ICASE : 0)) == 0 else {
            compiled.deallocate()
            throw RedactionError(pattern: nil, reason: "is no regular expression")
        }
        guard regexec(compiled, "", 0, nil, 0) != 0 else {
            regfree(compiled)
            compiled.deallocate()
            throw RedactionError(pattern: nil, reason: "matches the empty text")
        }
        return compiled
    }

    deinit {
        regfree(compiled)
        compiled.deallocate()
    }

    /// The bytes with every match replaced; `nil` if the deadline passed.
    func replaceAll(in bytes: [UInt8], deadline: MonotonicTime, clock: () -> MonotonicTime) -> [UInt8]? {
        var output: [UInt8] = []
        var copied = 0
        var at = 0
        // The length is told to `regexec`, but sanitizers look for the end of a C string.
        let text = bytes + [0]
        while at < bytes.count {
            guard clock() <= deadline else { return nil }
            let end = min(bytes.count, at + Self.window)
            guard let match = firstMatch(in: text, at..<end) else {
                if end == bytes.count { break }
                at = max(at + 1, end - Self.overlap)
                continue
            }
            // A match at the window's end may go on behind it.
            if match.upperBound == end, end < bytes.count, match.lowerBound > at {
                at = match.lowerBound
                continue
            }
            output.append(contentsOf: bytes[copied..<match.lowerBound])
            output.append(contentsOf: "[redacted:pattern]".utf8)
            copied = match.upperBound
            at = max(match.upperBound, at + 1)
        }
        guard copied > 0 else { return bytes }
        output.append(contentsOf: bytes[copied...])
        return output
    }

    /// `bytes` end in a NUL of their own.
    private func firstMatch(in bytes: [UInt8], _ range: Range<Int>) -> Range<Int>? {
        bytes.withUnsafeBytes { raw in
            guard let base = raw.baseAddress else { return nil }
            var match = regmatch_t(rm_so: 0, rm_eo: regoff_t(range.count))
            let text = (base + range.lowerBound).assumingMemoryBound(to: CChar.self)
            let flags = Self.startEnd | (range.lowerBound > 0 ? REG_NOTBOL : 0) | (range.upperBound < bytes.count - 1 ? REG_NOTEOL : 0)
            guard regexec(compiled, text, 1, &match, flags) == 0, match.rm_so >= 0, match.rm_eo > match.rm_so else { return nil }
            return range.lowerBound + Int(match.rm_so)..<range.lowerBound + Int(match.rm_eo)
        }
    }
}

/// Patterns as people write them, in the words of POSIX.
enum PatternTranslation {
    /// Characters and classes of the automaton, repetitions written out.
    static let sizeMax = 4096

    static func translate(_ text: String) throws(RedactionError) -> (pattern: String, ignoresCase: Bool) {
        var bytes = Array(text.utf8)
        guard !bytes.isEmpty, bytes.count <= OperatorPattern.bytesMax else { throw refusal("has no or more than 512 bytes") }
        guard !bytes.contains(0) else { throw refusal("has a NUL") }
        let ignoresCase = bytes.starts(with: Array("(?i)".utf8))
        if ignoresCase { bytes.removeFirst(4) }
        var output: [UInt8] = []
        // The size of each open group so far, and of the last thing in it.
        var sizes: [(sum: Int, last: Int)] = [(0, 0)]
        var mayRepeat = false
        var wasRepeated = false
        var at = 0
        while at < bytes.count {
            let byte = bytes[at]
            at += 1
            var isRepetition = false
            switch byte {
            case 0x5C: output += try escape(bytes, &at)
            case 0x5B: output += try bracket(bytes, &at)
            case 0x28:
                if at < bytes.count, bytes[at] == 0x3F {
                    guard at + 1 < bytes.count, bytes[at + 1] == 0x3A else { throw refusal("uses a group of a kind that is not supported") }
                    at += 2
                }
                output.append(byte)
                sizes.append((0, 0))
                mayRepeat = false
                wasRepeated = false
                continue
            case 0x29:
                guard sizes.count > 1 else { throw refusal("closes a group that it did not open") }
                let inner = sizes.removeLast()
                output.append(byte)
                let size = inner.sum + inner.last
                sizes[sizes.count - 1].sum += sizes[sizes.count - 1].last
                sizes[sizes.count - 1].last = size
                mayRepeat = true
                wasRepeated = false
                continue
            case 0x2A, 0x2B, 0x3F, 0x7B:
                guard mayRepeat else { throw refusal("repeats nothing") }
                guard !wasRepeated else { throw refusal("has a lazy or doubled quantifier") }
                isRepetition = true
                output.append(byte)
                if byte == 0x7B {
                    let times = try interval(bytes, &at, &output)
                    let last = sizes.count - 1
                    sizes[last].last = sizes[last].last.multipliedReportingOverflow(by: times).partialValue
                }
            default: output.append(byte)
            }
            if isRepetition {
                wasRepeated = true
            } else {
                sizes[sizes.count - 1].sum += sizes[sizes.count - 1].last
                sizes[sizes.count - 1].last = 1
                mayRepeat = byte != 0x7C && byte != 0x5E
                wasRepeated = false
            }
            guard sizes.reduce(0, { $0 + $1.sum + $1.last }) <= sizeMax else { throw refusal("has repetitions that make it too large") }
        }
        guard sizes.count == 1 else { throw refusal("leaves a group open") }
        return (String(decoding: output, as: UTF8.self), ignoresCase)
    }

    /// `{2}`, `{2,}`, `{2,5}` behind the brace; returns the largest number.
    private static func interval(_ bytes: [UInt8], _ at: inout Int, _ output: inout [UInt8]) throws(RedactionError) -> Int {
        var numbers: [Int] = [0]
        var hasDigit = false
        while at < bytes.count, bytes[at] != 0x7D {
            if RedactionScan.isDigit(bytes[at]), numbers[numbers.count - 1] <= 255 {
                numbers[numbers.count - 1] = numbers[numbers.count - 1] * 10 + Int(bytes[at] & 15)
                hasDigit = true
            } else if bytes[at] == 0x2C, numbers.count == 1, hasDigit {
                numbers.append(0)
            } else {
                throw refusal("has a malformed or too large repetition")
            }
            output.append(bytes[at])
            at += 1
        }
        guard at < bytes.count, hasDigit, numbers.allSatisfy({ $0 <= 255 }) else {
            throw refusal("has a malformed or too large repetition")
        }
        output.append(0x7D)
        at += 1
        return max(1, numbers.max() ?? 1)
    }

    /// What stands behind a backslash outside of brackets.
    private static func escape(_ bytes: [UInt8], _ at: inout Int) throws(RedactionError) -> [UInt8] {
        guard at < bytes.count else { throw refusal("ends in a backslash") }
        let byte = bytes[at]
        at += 1
        switch byte {
        case 0x64: return Array("[0-9]".utf8)
        case 0x44: return Array("[^0-9]".utf8)
        case 0x6E: return [0x0A]
        case 0x72: return [0x0D]
        case 0x74: return [0x09]
        case 0x77, 0x57, 0x73, 0x53, 0x62, 0x42: return [0x5C, byte]
        case 0x30...0x39: throw refusal("refers back, which is not supported")
        case 0x41...0x5A, 0x61...0x7A: throw refusal("has an escape that is not supported")
        case 0x60, 0x27, 0x3C, 0x3E: return [byte]
        default: return [0x5C, byte]
        }
    }

    /// A bracket expression behind its `[`, with escapes as they are known elsewhere; POSIX has none in there.
    private static func bracket(_ bytes: [UInt8], _ at: inout Int) throws(RedactionError) -> [UInt8] {
        var output: [UInt8] = [0x5B]
        if at < bytes.count, bytes[at] == 0x5E {
            output.append(0x5E)
            at += 1
        }
        var content: [UInt8] = []
        var hasBracket = false
        var hasDash = false
        var hasCaret = false
        var isFirst = true
        while at < bytes.count, bytes[at] != 0x5D || isFirst {
            let byte = bytes[at]
            at += 1
            switch byte {
            case 0x5D: hasBracket = true
            case 0x5E where content.isEmpty: hasCaret = true
            case 0x5B:
                guard at < bytes.count, bytes[at] == 0x3A else {
                    content.append(byte)
                    break
                }
                // [:alpha:]
                guard let end = bytes[at...].firstIndex(of: 0x5D) else { throw refusal("leaves a bracket open") }
                content += [byte] + bytes[at...end]
                at = end + 1
            case 0x5C:
                guard at < bytes.count else { throw refusal("leaves a bracket open") }
                let escaped = bytes[at]
                at += 1
                switch escaped {
                case 0x64: content += Array("0-9".utf8)
                case 0x77: content += Array("A-Za-z0-9_".utf8)
                case 0x73: content += Array(" \t\n\r".utf8) + [0x0B, 0x0C]
                case 0x6E: content.append(0x0A)
                case 0x72: content.append(0x0D)
                case 0x74: content.append(0x09)
                case 0x5D: hasBracket = true
                case 0x2D: hasDash = true
                case 0x5E: hasCaret = true
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: throw refusal("has an escape that is not supported")
                default: content.append(escaped)
                }
            default: content.append(byte)
            }
            isFirst = false
        }
        guard at < bytes.count else { throw refusal("leaves a bracket open") }
        at += 1
        guard !content.isEmpty || hasBracket || hasDash || hasCaret else { throw refusal("has an empty bracket") }
        if hasBracket { output.append(0x5D) }
        output += content
        // Alone, a caret would negate.
        if hasCaret { output += content.isEmpty && !hasBracket && output.count == 1 ? Array("\\^".utf8) : [0x5E] }
        if hasDash { output.append(0x2D) }
        return output + [0x5D]
    }

    private static func refusal(_ reason: String) -> RedactionError { RedactionError(pattern: nil, reason: reason) }
}
