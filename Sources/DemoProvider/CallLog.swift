import JSON

/// What came in, for tests to look at: counters since the start and the last requests as they came, credentials included. This is a test
/// server; nothing here is written to disk.
struct CallLog {
    /// How a request went.
    enum State: String { case running, answered, aborted }

    struct Entry {
        var number: Int
        var method: String
        var target: String
        var fields: [(name: String, value: String)]
        var body: [UInt8]
        var model: String
        var state = State.running
        /// Bytes of the answer that the kernel took.
        var sentBytes: UInt64 = 0
        /// Milliseconds from the request's arrival until it was answered or aborted.
        var milliseconds: UInt64 = 0
    }

    init(entriesMax: Int = 2000, bodyBytesMax: Int = 64 * 1024) {
        self.entriesMax = entriesMax
        self.bodyBytesMax = bodyBytesMax
    }

    /// Entries kept; older ones are forgotten.
    let entriesMax: Int
    /// Bytes of a body kept.
    let bodyBytesMax: Int
    /// Requests since the start.
    private(set) var total = 0
    private var entries: [Entry] = []
    private var firstNumber = 1

    /// Takes a request down and gives it its number, 1-based.
    mutating func begin(method: String, target: String, fields: [(name: String, value: String)], body: [UInt8], model: String) -> Int {
        total += 1
        entries.append(
            Entry(number: total, method: method, target: target, fields: fields, body: Array(body.prefix(bodyBytesMax)), model: model))
        if entries.count > entriesMax * 2 { forget(entries.count - entriesMax) }
        return total
    }

    /// Notes how a request went; one already forgotten is ignored.
    mutating func end(_ number: Int, _ state: State, sentBytes: UInt64, milliseconds: UInt64) {
        update(number) {
            $0.state = state
            $0.sentBytes = sentBytes
            $0.milliseconds = milliseconds
        }
    }

    /// Notes how far a running answer has come.
    mutating func progress(_ number: Int, sentBytes: UInt64) { update(number) { $0.sentBytes = sentBytes } }

    private mutating func update(_ number: Int, _ change: (inout Entry) -> Void) {
        let index = number - firstNumber
        if entries.indices.contains(index) { change(&entries[index]) }
    }

    private mutating func forget(_ count: Int) {
        entries.removeFirst(count)
        firstNumber += count
    }

    private func matching(_ text: String) -> [Entry] {
        let kept = entries.suffix(entriesMax)
        if text.isEmpty { return Array(kept) }
        let wanted = Array(text.utf8)
        return kept.filter { entry in
            entry.target.contains(text) || entry.fields.contains { $0.value.contains(text) } || contains(entry.body, wanted)
        }
    }

    private func contains(_ bytes: [UInt8], _ wanted: [UInt8]) -> Bool {
        guard bytes.count >= wanted.count, let first = wanted.first else { return wanted.isEmpty }
        for start in 0...(bytes.count - wanted.count) where bytes[start] == first {
            if bytes[start..<start + wanted.count].elementsEqual(wanted) { return true }
        }
        return false
    }

    /// Counters over the kept requests that hold a text (all of them when it is empty); `total` counts since the start.
    func calls(containing text: String) -> JSONValue {
        var models = JSONObject()
        var states = JSONObject()
        let found = matching(text)
        for entry in found {
            models[entry.model] = .number((models[entry.model]?.intValue ?? 0) + 1)
            states[entry.state.rawValue] = .number((states[entry.state.rawValue]?.intValue ?? 0) + 1)
        }
        return ["total": .number(total), "calls": .number(found.count), "models": .object(models), "states": .object(states)]
    }

    /// The kept requests that hold a text, oldest first.
    func requests(containing text: String) -> JSONValue {
        .array(
            matching(text).map { entry in
                [
                    "number": .number(entry.number), "method": .string(entry.method), "target": .string(entry.target),
                    "headers": .array(entry.fields.map { [.string($0.name), .string($0.value)] }),
                    "body_base64": .string(Base64.text(of: entry.body)), "model": .string(entry.model),
                    "state": .string(entry.state.rawValue), "sent_bytes": .number(Int(clamping: entry.sentBytes)),
                    "milliseconds": .number(Int(clamping: entry.milliseconds)),
                ]
            })
    }
}
