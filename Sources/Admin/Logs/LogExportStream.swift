import EventLog
import JSON

/// `GET /logs/export`: every row that a query selects, as lines of JSON or CSV. Rows that are overwritten before the walk comes to them are missing.
final class LogExportStream: AdminStream {
    /// Rows per piece, and rows looked at: some 5 to 10 ms.
    static let rowsPerPiece = 200
    static let scannedPerPiece = 4000
    /// Rows per piece where their bodies come with them: at most two of a megabyte each.
    static let rowsWithPayloadsPerPiece = 4

    private var scan: LogScan
    private let isCSV: Bool
    /// Where bodies are taken from, if they are wanted.
    private let payloads: EventLog?
    private var isBegun = false
    var wake: (() -> Void)?
    let isEndless = false

    init(_ scan: LogScan, isCSV: Bool, payloads: EventLog? = nil) {
        self.scan = scan
        self.payloads = payloads
        self.isCSV = isCSV
    }

    func produce(into piece: inout [UInt8]) -> AdminStreamStep {
        if !isBegun, isCSV { piece += LogRowText.header }
        isBegun = true
        let rows = payloads == nil ? Self.rowsPerPiece : Self.rowsWithPayloadsPerPiece
        let page = scan.next(maxRows: rows, scannedMax: Self.scannedPerPiece)
        if isCSV {
            for row in page.rows { LogRowText.appendCSV(row, to: &piece) }
        } else {
            for row in page.rows {
                var writer = JSONWriter()
                guard LogRowText.append(row, payloads: payloads, to: &writer) else { continue }
                piece += writer.bytes
                piece.append(0x0A)
            }
        }
        return scan.isDone ? .end : .more
    }

    func closed() {}
}

@available(*, unavailable)
extension LogExportStream: Sendable {}
