// The fields of a finished request's log line, under the names of the wire contract's log rows, so that a log can be replayed by
// `weir limits simulate`: who asked, for what, when, what it used, and what it had been expected to use. Never a prompt, an answer or a key;
// of metadata only the values of names that limits are declared for. Made at debug level only, hence from what the exchange holds anyway.

import EventLog
import GatewayModel
import JSON
import Logging
import RateLimiting
import Tenants

extension Exchange {
    /// The row. `created_at` is when the head arrived; `duration` are the milliseconds to the end.
    func row(_ event: GatewayEvent) -> Logger.Metadata {
        var row: Logger.Metadata = [
            "id": "\(requestID.text)", "created_at": "\(LogSink.timestamp(requestID.time))", "operation": "\(operation.name)",
            "duration": "\(Self.milliseconds(event.durationMicroseconds &* 1000))", "status_code": "\(event.status)",
            "success": "\(event.isSuccess)", "cached": "\(facts.cache.isHit)", "step": "\(facts.step)",
        ]
        if let tenant { row["tenant"] = "\(tenant.tenant.id)" }
        if let identity { row["key_id"] = "\(snapshot.keys.keys[Int(identity.key)].id)" }
        if let route = plan?.route { row["route"] = "\(route.name)" }
        if !facts.provider.isEmpty { row["provider"] = "\(facts.provider)" }
        if !facts.model.isEmpty { row["model"] = "\(Self.shortened(facts.model))" }
        if facts.cache != .none {
            var text: [UInt8] = []
            facts.cache.append(to: &text)
            row["cache_status"] = "\(String(decoding: text, as: UTF8.self))"
        }
        if !event.errorCode.isEmpty { row["code"] = "\(event.errorCode)" }
        if attemptCount > 0 { row["attempts"] = "\(attemptCount)" }
        let failed = attemptNotes.filter { $0.failure != nil || $0.isOutrun || $0.status >= 400 }
        if !failed.isEmpty { row["failed_attempts"] = "\(failed.map(\.text).joined(separator: ", "))" }
        addUse(to: &row)
        if let text = limitMetadata() { row["metadata"] = "\(text)" }
        return row
    }

    /// What was used, and what had been expected. A hit uses nothing, a follower somebody else's.
    private func addUse(to row: inout Logger.Metadata) {
        if let reading {
            let input = reading.told.input
            row["tokens_in"] = "\(input)"
            let output = reading.told.output
            row["tokens_out"] = "\(output)"
            // Limits count less where the provider does not count what it read from its prompt cache, more where its report can't be whole.
            if reading.use.inputTokens != input { row["tokens_in_counted"] = "\(reading.use.inputTokens)" }
            if reading.use.outputTokens != output { row["tokens_out_counted"] = "\(reading.use.outputTokens)" }
            row["cost"] = "\(LimitText.usd(reading.use.cost))"
        }
        guard !facts.cache.isHit, facts.cache != .collapsed, let meter = expectedMeter() else { return }
        let estimate = meter.expected
        let whole = estimate.whole
        guard whole != MeteredUse() else { return }
        row["tokens_reserved"] = "\(whole.amount(of: .tokens))"
        row["tokens_in_reserved"] = "\(whole.inputTokens)"
        row["cost_reserved"] = "\(LimitText.usd(whole.cost))"
        // The part that only a default assumes: a limit that can't hold it reserves less.
        if estimate.softOutputTokens > 0 { row["tokens_assumed"] = "\(estimate.softOutputTokens)" }
        if estimate.softCost > 0 { row["cost_assumed"] = "\(LimitText.usd(estimate.softCost))" }
    }

    /// The values of the metadata names that the key's or tenant's limits are declared for, as a JSON object; `nil` without such names.
    private func limitMetadata() -> String? {
        guard let identity, plan != nil else { return nil }
        let families = (snapshot.keyLimits[identity.key]?.families ?? []) + (tenant?.limits?.families ?? [])
        guard !families.isEmpty, let metadata = requestMetadata(identity) else { return nil }
        var object = JSONObject()
        for family in families { if let value = metadata[family.name] { object[family.name] = .string(Self.shortened(value)) } }
        return Self.text(of: object)
    }

    /// As much of an object as a line takes: one that is cut could not be read back.
    private static func text(of object: JSONObject) -> String {
        var kept = object
        while true {
            var bytes: [UInt8] = []
            JSONValue.object(kept).write(to: &bytes)
            if bytes.count <= LogSink.valueBytesMax || kept.members.isEmpty { return String(decoding: bytes, as: UTF8.self) }
            kept.members.removeLast()
        }
    }

    /// Whole characters of at most 257 bytes: names come from clients, and a line's values are cut at 1 KiB wherever that falls. One more than
    /// a metadata value of its own bucket may have, so that a longer one is still seen to be longer.
    private static func shortened(_ text: String) -> String {
        let bytesMax = MetadataFamily.valueBytesMax + 1
        guard text.utf8.count > bytesMax else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: bytesMax)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }

    /// Nanoseconds as milliseconds with three decimals.
    private static func milliseconds(_ nanoseconds: UInt64) -> String {
        let decimals = String(nanoseconds / 1000 % 1000)
        return "\(nanoseconds / 1_000_000).\(String(repeating: "0", count: 3 - decimals.utf8.count))\(decimals)"
    }
}

extension RequestID {
    /// When it was made.
    var time: WallTime { WallTime(milliseconds: Int64(high >> 16)) }
}
