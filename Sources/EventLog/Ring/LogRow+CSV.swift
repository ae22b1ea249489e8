import GatewayModel

extension LogRow {
    /// Appends the line of column names, with its end (RFC 4180: CR LF).
    public static func appendCSVHeader(to bytes: inout [UInt8]) {
        bytes.append(text: CSVColumns.names.joined(separator: ","))
        bytes.append(contentsOf: [0x0D, 0x0A])
    }

    /// Appends the row as a line. Every text is quoted, and one that a spreadsheet could take for a formula begins with an apostrophe.
    public func appendCSV(to bytes: inout [UInt8]) {
        self.bytes.withUnsafeBytes { raw in
            guard let row = RowView(raw) else { return }
            CSVColumns.append(RowContext(row: row, sequence: sequence, hasPayloads: hasPayloads, patch: patch), to: &bytes)
        }
    }
}

/// The columns of an export: all of a row but its attempts.
private enum CSVColumns {
    private enum Column {
        case text(EventLayout.Text)
        case name(LogField.Name)
        case number(LogField.Number)
        case flag(LogField.Flag)
    }

    private static let columns: [Column] = [
        .name(.id), .number(.sequence), .number(.createdAt), .text(.tenant), .text(.keyID), .text(.provider), .text(.model), .text(.route),
        .text(.operation), .text(.path), .text(.eventID), .number(.status), .flag(.success), .text(.errorCode), .name(.errorKind),
        .flag(.cached), .name(.cacheLayer), .text(.cacheStatus), .name(.cacheReason), .number(.duration), .number(.overhead),
        .number(.firstByte), .number(.tokensIn), .number(.tokensOut), .number(.tokensCached), .number(.tokensSaved), .number(.cost),
        .number(.costSaved), .number(.requestBytes), .number(.responseBytes), .number(.step), .number(.attempts), .flag(.stream),
        .flag(.estimated), .flag(.suspect), .flag(.unpriced), .flag(.customCost), .text(.finishReason), .text(.metadata),
        .number(.similarity), .number(.feedback), .number(.score), .flag(.hasRequest), .flag(.hasResponse), .name(.traceID), .name(.spanID),
    ]

    static var names: [String] {
        columns.map {
            switch $0 {
            case .text(let text): text.fieldName
            case .name(let name): name.rawValue
            case .number(let number): number.rawValue
            case .flag(let flag): flag.rawValue
            }
        }
    }

    static func append(_ context: RowContext, to bytes: inout [UInt8]) {
        for (place, column) in columns.enumerated() {
            if place > 0 { bytes.append(0x2C) }
            switch column {
            case .text(.metadata): context.withMetadata { append(text: $0, to: &bytes) }
            case .text(let text): append(text: context.row.text(text), to: &bytes)
            case .name(let name): context.withText(of: name) { append(text: $0, to: &bytes) }
            case .number(let number): append(number, context, to: &bytes)
            case .flag(let flag): bytes.append(text: context.value(of: flag) ? "true" : "false")
            }
        }
        bytes.append(contentsOf: [0x0D, 0x0A])
    }

    private static func append(_ number: LogField.Number, _ context: RowContext, to bytes: inout [UInt8]) {
        let row = context.row
        switch number {
        case .createdAt: CivilTime.append(WallTime(milliseconds: row.createdAt), to: &bytes)
        case .duration: bytes.append(decimalOf: row.number(.duration), places: 3, keepingZeros: true)
        case .firstByte:
            if row.number(.firstByte) > 0 { bytes.append(decimalOf: row.number(.firstByte), places: 3, keepingZeros: true) }
        case .cost: bytes.append(decimalOf: row.number(.cost), places: 9)
        case .costSaved: bytes.append(decimalOf: row.number(.costSaved), places: 9)
        case .similarity: if row.similarity != 0, row.similarity.isFinite { bytes.append(text: row.similarity.description) }
        case .score: if let score = context.patch?.score { bytes.append(text: RowText.score(score)) }
        case .feedback: if let feedback = context.patch?.feedback { bytes.append(decimal: Int64(feedback)) }
        case .sequence: bytes.append(decimal: context.sequence)
        case .status: bytes.append(decimal: UInt64(row.status))
        case .overhead: bytes.append(decimal: row.number(.overhead))
        case .tokensIn: bytes.append(decimal: row.number(.tokensIn))
        case .tokensOut: bytes.append(decimal: row.number(.tokensOut))
        case .tokensCached: bytes.append(decimal: row.number(.tokensCached))
        case .tokensSaved: bytes.append(decimal: row.number(.tokensSaved))
        case .requestBytes: bytes.append(decimal: row.number(.requestBytes))
        case .responseBytes: bytes.append(decimal: row.number(.responseBytes))
        case .step: bytes.append(decimal: UInt64(row.step))
        case .attempts: bytes.append(decimal: UInt64(row.attemptCount))
        }
    }

    /// A quoted text. What a spreadsheet would calculate (OWASP, "CSV Injection": = + - @ tab CR LF at the beginning, the wide forms included)
    /// gets an apostrophe before it; bytes that are no UTF-8 become U+FFFD, and control characters but tab and line feed become spaces.
    private static func append(text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
        guard !text.isEmpty else { return }
        bytes.append(0x22)
        let decoded = String(decoding: text, as: UTF8.self)
        switch decoded.unicodeScalars.first?.value ?? 0 {
        case 0x3D, 0x2B, 0x2D, 0x40, 0x09, 0x0D, 0x0A, 0xFF1D, 0xFF0B, 0xFF0D, 0xFF20: bytes.append(0x27)
        default: break
        }
        for byte in decoded.utf8 {
            switch byte {
            case 0x22: bytes.append(contentsOf: [0x22, 0x22])
            case 0x00..<0x09, 0x0B..<0x20, 0x7F: bytes.append(0x20)
            default: bytes.append(byte)
            }
        }
        bytes.append(0x22)
    }
}
