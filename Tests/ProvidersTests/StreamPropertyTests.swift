import GatewayModel
import TestSupport
import Testing

@testable import Providers

@Suite struct StreamPropertyTests {
    @Test func `bytes that a provider should not send are read differently in other chunks`() {
        var random = SplitMix64(seed: 23)
        let seeds = AnswerObserverTests.recordings.map { (Array($0.0.utf8), $0.1) }
        for round in 0..<400 {
            let (seed, operation) = seeds[round % seeds.count]
            var body = seed
            for _ in 0..<Int.random(in: 0...6, using: &random) where !body.isEmpty {
                let place = Int.random(in: body.indices, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: body[place] = UInt8.random(in: 0...255, using: &random)
                case 1: body.removeSubrange(place..<min(body.count, place + Int.random(in: 1...40, using: &random)))
                case 2: body.insert(contentsOf: "\r\n{}[]\",:\\".utf8.shuffled(using: &random).prefix(2), at: place)
                default: body.insert(contentsOf: body[place..<min(body.count, place + 60)], at: place)
                }
            }
            let fault = streamFault(body, operation, step: Int.random(in: 1...40, using: &random))
            #expect(fault == nil, "\(String(decoding: body, as: UTF8.self).debugDescription)")
        }
    }
}
