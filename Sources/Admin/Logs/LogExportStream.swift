import EventLog
import JSON

/// `GET /logs/export`: every row that a query selects, as lines of JSON or CSV. Rows that are overwritten before the walk comes to them are missing.
final class LogExportStream: AdminStream {
    /// Rows per piece, and rows looked at: some 5 to 10 ms.
    static let rowsPerPiece = 200
    static let scannedPerPiece = 4000

    private var scan: LogScan
    private let isCSV: Bool
    private var isBegun = false
    var wake: (() -> Void)?
    let isEndless = false

    init(_ scan: LogScan, isCSV: Bool) {
        self.scan = scan
        self.isCSV = isCSV
    }

    func produce(into piece: inout [UInt8]) -> AdminStreamStep {
        if !isBegun, isCSV { piece += LogRowText.header }
        isBegun = true
        let page = scan.next(maxRows: Self.rowsPerPiece, scannedMax: Self.scannedPerPiece)
        if isCSV {
            for row in page.rows { LogRowText.appendCSV(row, to: &piece) }
        } else {
            for row in page.rows {
                var writer = JSONWriter()
                guard LogRowText.append(row, to: &writer) else { continue }
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
