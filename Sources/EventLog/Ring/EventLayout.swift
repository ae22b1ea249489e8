// How a row lies in bytes: a head of fixed fields and the ends of the texts, then the texts, the trace, the attempts.
//
// Why fixed fields and not varints: a query over a full ring looks at some field of every row, and reads it at its offset without decoding
// anything before it. Texts are found by their ends alone, in the same way. All numbers are little-endian.

import GatewayModel

/// Offsets and limits of an encoded row.
enum EventLayout {
    /// The only version there is.
    static let version: UInt8 = 1
    /// Bytes of a row without its payloads.
    static let rowBytesMax = 8192

    static let versionAt = 0
    static let sectionsAt = 1
    static let layerAt = 2
    static let errorKindAt = 3
    static let reasonAt = 4
    static let describedAt = 5
    static let flagsAt = 6
    static let idHighAt = 8
    static let idLowAt = 16
    static let createdAt = 24
    static let statusAt = 32
    static let stepAt = 34
    static let attemptCountAt = 36
    static let similarityAt = 40
    /// The eleven numbers, 8 bytes each, in the order of `Number`.
    static let numbersAt = 48
    /// Where the texts end, 2 bytes each, in the order of `Text`, counted from `textsAt`.
    static let endsAt = 136
    static let textsAt = 160
    static let traceBytes = 33
    /// An attempt without its texts: status, microseconds, repeat, and three lengths.
    static let attemptBytes = 2 + 8 + 1 + 6
    /// Attempts that are described.
    static let attemptsMax = 16

    /// Parts that a row may have.
    struct Sections: OptionSet {
        var rawValue: UInt8
        static let trace = Sections(rawValue: 1)
        static let request = Sections(rawValue: 2)
        static let response = Sections(rawValue: 4)
        /// A text was longer than its field, or an attempt did not fit.
        static let clipped = Sections(rawValue: 8)
    }

    /// The numbers of a row.
    enum Number: Int, CaseIterable {
        case duration, overhead, firstByte, tokensIn, tokensOut, tokensCached, tokensSaved, cost, costSaved, requestBytes, responseBytes

        var offset: Int { EventLayout.numbersAt + 8 * rawValue }
    }

    /// The texts of a row.
    enum Text: Int, CaseIterable {
        case tenant, keyID, provider, model, route, operation, path, eventID, errorCode, cacheStatus, finishReason, metadata

        /// Bytes kept. All of them together leave room for some attempts in the row.
        var bytesMax: Int {
            switch self {
            case .keyID, .operation, .errorCode, .finishReason: 64
            case .provider: 128
            case .tenant, .route, .eventID, .cacheStatus: 256
            case .model: 512
            case .path: 1024
            case .metadata: 2048
            }
        }
    }
}

extension CacheReason {
    /// The number kept for it; 0 is none. Numbers are never reused: a new case gets the next one.
    var storedCode: UInt8 {
        switch self {
        case .off: 1
        case .operation: 2
        case .skipRequested: 3
        case .noStore: 4
        case .ttlZero: 5
        case .encodedBody: 6
        case .stateful: 7
        case .hostedTools: 8
        case .multipleChoices: 9
        case .temperature: 10
        case .bodyTooLarge: 11
        case .clientCredential: 12
        case .usageAbsent: 13
        case .storeUnavailable: 14
        case .hitForMiss: 15
        case .noReplayForm: 16
        case .status: 17
        case .contentType: 18
        case .contentEncoding: 19
        case .toolCalls: 20
        case .finishReason: 21
        case .errorInBody: 22
        case .malformedAnswer: 23
        case .truncated: 24
        case .entryTooLarge: 25
        case .clientLeft: 26
        case .upstreamFailed: 27
        case .purged: 28
        case .queueFull: 29
        }
    }

    /// The reason of a number, `nil` for 0 and for numbers of a later program.
    init?(storedCode: UInt8) {
        guard let reason = CacheReason.byStoredCode[Int(storedCode)] else { return nil }
        self = reason
    }

    private static let byStoredCode: [CacheReason?] = {
        var table = [CacheReason?](repeating: nil, count: 256)
        for reason in allCases { table[Int(reason.storedCode)] = reason }
        return table
    }()
}
