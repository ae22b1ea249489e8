import GatewayModel
import Storage

/// A row that was asked for by its id.
public enum LogLookup: Sendable {
    /// Here it is.
    case row(LogRow)
    /// The log was running when that id was made, but has no such row: dropped, overwritten, or never collected.
    case dropped
    /// Nothing is known of that id.
    case notFound
}

/// Why a change was not made.
public enum LogChangeError: Error, Sendable, Equatable {
    /// There is no such row, or no longer.
    case notFound
    /// The values can't be taken.
    case invalid(LogQueryError)
    /// There is no more room for remarks on rows.
    case full
    /// The store can't be written; the text says why.
    case unavailable(String)
}

// Reading: each call takes turns with others for one reader. Never on a data loop.
extension EventLog {
    /// A page of rows. Up to 100 ms over a full ring of 100,000 rows.
    /// - Throws: the cursor belongs to another query.
    public func query(_ query: LogQuery) throws(LogQueryError) -> LogPage {
        let state = shared.state
        var page = LogPage()
        if let cursor = query.cursor {
            guard cursor.isNewest == (query.order == .newest), cursor.fingerprint == query.filter.fingerprint else {
                throw LogQueryError("cursor", "belongs to another query")
            }
        }
        let limit = min(max(1, query.limit), LogQuery.limitMax)
        return self.page(query, limit: limit, scannedMax: .max, state, &page)
    }

    /// A walk over all rows that a query selects, a piece at a time: for exports.
    public func scan(_ query: LogQuery) -> LogScan { LogScan(self, query) }

    func page(_ query: LogQuery, limit: Int, scannedMax: Int, _ state: RingState, _ page: inout LogPage) -> LogPage {
        let walk = RingReader.Walk(
            filter: query.filter, isNewest: query.order == .newest, after: query.cursor?.sequence, limit: limit, scannedMax: scannedMax,
            cutoff: cutoff)
        let found = reading?.with { $0.walk(walk, state) } ?? RingReader.Found()
        page.rows = found.rows
        page.scanned = found.scanned
        let cursor = query.cursor
        switch query.order {
        case .newest:
            // What the pages before could still have reached is overwritten from the far end: told where the pages end.
            let floor = cursor?.floor ?? state.floor
            page.hasGap = found.last == nil && cursor.map { state.floor > $0.floor && $0.floor < $0.sequence } ?? false
            page.next = found.last.map {
                LogCursor(sequence: $0, floor: floor, isNewest: true, fingerprint: query.filter.fingerprint)
            }
        case .oldest:
            page.hasGap = cursor.map { state.floor > $0.floor && state.floor > $0.sequence + 1 } ?? false
            page.next = found.last.map {
                LogCursor(sequence: $0, floor: state.floor, isNewest: false, fingerprint: query.filter.fingerprint)
            }
        }
        return page
    }

    private var cutoff: Int64 { shared.settings.ageSecondsMax.map { clock().adding(seconds: -$0).milliseconds } ?? .min }

    /// A row by its id.
    public func row(id text: String) -> LogLookup {
        guard let id = EventText.id(text) else { return .notFound }
        return row(id: id)
    }

    /// A row by its id.
    public func row(id: RequestID) -> LogLookup {
        let state = shared.state
        if let row = reading?.with({ $0.row(id, state, cutoff: cutoff) }) { return .row(row) }
        let made = Int64(id.high >> 16)
        let isRequestID = id.high >> 12 & 15 == 7 && id.low >> 62 == 2
        return isRequestID && made >= state.began.milliseconds && made <= clock().milliseconds ? .dropped : .notFound
    }

    /// A body of a row; `nil` where it was not collected, or is gone.
    public func payload(id: RequestID, isResponse: Bool) -> GatewayEvent.Payload? {
        guard case .row(let row) = row(id: id) else { return nil }
        return reading?.with { $0.body(isResponse, of: row.sequence) }
    }

    /// Says something about a row. `completion` is called once, on the writer thread or on this one, with the row as it is then.
    public func patch(id: RequestID, _ change: LogChange, completion: @escaping @Sendable (Result<LogRow, LogChangeError>) -> Void) {
        if let problem = change.problem { return completion(.failure(.invalid(problem))) }
        guard case .row(let row) = row(id: id) else { return completion(.failure(.notFound)) }
        guard let writer else { return completion(.failure(.unavailable("there is no store"))) }
        let work = writer.work
        let shared = self.shared
        let mayRun = writer.perform {
            do throws(StoreError) {
                guard let patch = try work.patch(row.sequence, change) else {
                    return completion(.failure(shared.state.directory.isLive(row.sequence) ? .full : .notFound))
                }
                completion(
                    .success(
                        LogRow(
                            sequence: row.sequence, bytes: row.bytes, patch: patch.isEmpty ? nil : patch, hasPayloads: row.hasPayloads)))
            } catch {
                completion(.failure(.unavailable(error.description)))
            }
        }
        if !mayRun { completion(.failure(.unavailable("the log is closed"))) }
    }

    /// Says something about a row of a tenant's own, as `patch` does; another's row is not found. The row is looked for on the writer thread:
    /// a loop may call it.
    public func remark(
        on id: RequestID, of tenant: String, _ change: LogChange, completion: @escaping @Sendable (Result<LogRow, LogChangeError>) -> Void
    ) {
        guard let writer else { return completion(.failure(.unavailable("there is no store"))) }
        let mayRun = writer.perform { [self] in
            guard case .row(let row) = row(id: id), row.event?.tenant == tenant else { return completion(.failure(.notFound)) }
            patch(id: id, change, completion: completion)
        }
        if !mayRun { completion(.failure(.unavailable("the log is closed"))) }
    }

    /// Deletes the rows that a filter lets through, those handed over before the call included. `completion` is called once, on the writer
    /// thread or on this one, with their number; none of them can be read then.
    public func delete(_ filter: LogFilter, completion: @escaping @Sendable (Result<Int, LogChangeError>) -> Void) {
        guard let writer else { return completion(.failure(.unavailable("there is no store"))) }
        let work = writer.work
        let mayRun = writer.perform {
            do throws(StoreError) { completion(.success(try work.delete(filter))) } catch {
                completion(.failure(.unavailable(error.description)))
            }
        }
        if !mayRun { completion(.failure(.unavailable("the log is closed"))) }
    }

    /// Listens to new rows. `wake` is called on the writer thread when rows came and none were waiting; it must not wait. `nil` if there are
    /// 64 listeners already. End it with `endTail`.
    public func tail(_ filter: LogFilter, rowsMax: Int = 1024, wake: @escaping @Sendable () -> Void) -> LogTail? {
        let tail = LogTail(filter, rowsMax: rowsMax, wake: wake)
        return tails.add(tail) ? tail : nil
    }

    /// Ends a listener: it gets no more rows.
    public func endTail(_ tail: LogTail) { tails.remove(tail) }
}

/// A walk over all rows that a query selects, a piece at a time, so that the thread that walks can do other things in between. Rows that are
/// overwritten before the walk comes to them are missing, and the gap is told; rows that come while it runs are found in the order oldest.
public struct LogScan: Sendable {
    private let log: EventLog
    private var query: LogQuery
    /// Whether the end was reached.
    public private(set) var isDone = false

    init(_ log: EventLog, _ query: LogQuery) {
        self.log = log
        self.query = query
    }

    /// The next rows: at most so many, after looking at some 20,000 at most. May be empty before the end.
    public mutating func next(maxRows: Int, scannedMax: Int = 20_000) -> LogPage {
        var page = LogPage()
        guard !isDone else { return page }
        page = log.page(query, limit: max(1, maxRows), scannedMax: max(1, scannedMax), log.shared.state, &page)
        query.cursor = page.next
        isDone = page.next == nil
        return page
    }
}
