import EventLog
import GatewayModel
import Glibc
import Storage
import TestSupport

/// The event log under `kill -9`: a small ring that wraps many times a second.
enum RingTorture {
    /// Writes until killed; says the next sequence after every flush.
    static func write(_ folder: String) -> Never {
        var settings = EventLogSettings()
        settings.rowsMax = 2000
        settings.bytesMax = 8 << 20
        settings.payloadsBytesMax = 4 << 20
        settings.rollupsBytesMax = 4 << 20
        settings.delayMilliseconds = 1
        guard let log = try? EventLog.open(path: folder, settings: settings) else { exit(3) }
        while true {
            let first = log.status().nextSequence
            var batch = EventBatch()
            for number in first..<(first + 500) {
                var event = GatewayEvent(
                    id: RequestID(at: .now(), random: (number, number)), createdAt: .now())
                event.eventID = "event-\(number)"
                event.tokensCached = number
                event.status = 200
                event.path = "/v1/chat/completions"
                batch.append(event)
            }
            log.submit(batch)
            log.flush()
            say("\(log.status().nextSequence - 1)")
        }
    }

    /// Verifies every record, as `weir store check` does.
    static func check(_ folder: String) -> Int32 {
        let check = StoreCheck(path: folder, databases: EventLog.databases)
        let report = check.run(verify: EventLog.verify)
        return check.verdict(on: report) == .sound ? ChildProcessCheck.soundStatus : ChildProcessCheck.damagedStatus
    }
}
