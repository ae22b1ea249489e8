import GatewayModel
import Testing

@testable import Providers

@Suite struct AttemptFieldsTests {
    private func read(_ field: FieldName, _ value: String) throws(GatewayError) -> AttemptFields {
        var fields = AttemptFields()
        let isRead = try fields.read(field, Array(value.utf8).span)
        #expect(isRead)
        return fields
    }

    private func retries(_ name: String, _ value: String) -> Int? {
        var fields = AttemptFields()
        let isRead = fields.readRetryCounter(name: Array(name.utf8).span, Array(value.utf8).span)
        #expect(isRead, "\(name)")
        return fields.clientRetries
    }

    @Test func `a value above its maximum is refused instead of lowered`() throws {
        #expect(try read(.cfAigRequestTimeout, "1").requestTimeoutMilliseconds == 1)
        #expect(try read(.cfAigRequestTimeout, " 2500 ").requestTimeoutMilliseconds == 2500)
        #expect(try read(.cfAigRequestTimeout, "86400000").requestTimeoutMilliseconds == 86_400_000)
        #expect(try read(.cfAigRequestTimeout, "86400001").requestTimeoutMilliseconds == 86_400_000)
        #expect(try read(.cfAigRequestTimeout, String(repeating: "9", count: 400)).requestTimeoutMilliseconds == 86_400_000)
        #expect(try read(.cfAigMaxAttempts, "1").maxAttempts == 1)
        #expect(try read(.cfAigMaxAttempts, "5").maxAttempts == 5)
        #expect(try read(.cfAigMaxAttempts, "6").maxAttempts == 5)
        #expect(try read(.cfAigRetryDelay, "0").retryDelayMilliseconds == 0)
        #expect(try read(.cfAigRetryDelay, "5000").retryDelayMilliseconds == 5000)
        #expect(try read(.cfAigRetryDelay, "5001").retryDelayMilliseconds == 5000)
        #expect(try read(.cfAigBackoff, "constant").backoff == .constant)
        #expect(try read(.cfAigBackoff, "Linear").backoff == .linear)
        #expect(try read(.cfAigBackoff, "exponential").backoff == .exponential)
    }

    @Test(
        arguments: [
            (FieldName.cfAigRequestTimeout, "0"), (.cfAigRequestTimeout, ""), (.cfAigRequestTimeout, " "), (.cfAigRequestTimeout, "1s"),
            (.cfAigRequestTimeout, "-5"), (.cfAigRequestTimeout, "+5"), (.cfAigRequestTimeout, "1.5"), (.cfAigRequestTimeout, "0x10"),
            (.cfAigRequestTimeout, "1 2"), (.cfAigMaxAttempts, "0"), (.cfAigMaxAttempts, "many"), (.cfAigRetryDelay, "-1"),
            (.cfAigRetryDelay, "x"), (.cfAigBackoff, ""), (.cfAigBackoff, "fibonacci"), (.cfAigBackoff, "linearly"),
        ])
    func `nonsense is acted on, or refused without the field's name`(field: FieldName, value: String) {
        var fields = AttemptFields()
        let error = #expect(throws: GatewayError.self) { try fields.read(field, Array(value.utf8).span) }
        #expect(error?.status == 400 && error?.param == field.name && error?.code == "invalid_field")
        #expect(fields == AttemptFields())
    }

    @Test func `other fields are taken for fields of attempts`() throws {
        var fields = AttemptFields()
        for field in FieldName.allCases
        where ![.cfAigRequestTimeout, .cfAigMaxAttempts, .cfAigRetryDelay, .cfAigBackoff, .xStainlessRetryCount].contains(field) {
            let isRead = try fields.read(field, Array("1".utf8).span)
            #expect(!isRead)
        }
        for name in ["", "retry-after", "x-retry-counts", "x-request-id", "content-type"] {
            let isRead = fields.readRetryCounter(name: Array(name.utf8).span, Array("1".utf8).span)
            #expect(!isRead, "\(name)")
        }
        #expect(fields == AttemptFields())
    }

    @Test func `a client's own retries are not seen`() throws {
        #expect(try read(.xStainlessRetryCount, "2").clientRetries == 2)
        #expect(try read(.xStainlessRetryCount, "1001").clientRetries == 1000)
        for name in [
            "x-stainless-retry-count", "X-Retry-Count", "x-retry-attempt", "Retry-Count", "retry-attempt", "grpc-previous-rpc-attempts",
        ] {
            #expect(retries(name, "3") == 3, "\(name)")
            #expect(retries(name, "0") == 0)
        }
        #expect(retries("x-envoy-attempt-count", "1") == 0 && retries("x-envoy-attempt-count", "0") == 0)
        #expect(retries("x-envoy-attempt-count", "3") == 2)
        #expect(retries("amz-sdk-request", "attempt=2; max=3") == 1 && retries("amz-sdk-request", "attempt=1") == 0)
        for value in ["", "x", "-1", "1.5", "attempt="] {
            #expect(retries("x-retry-count", value) == nil && retries("amz-sdk-request", value) == nil, "\(value)")
            #expect(try read(.xStainlessRetryCount, value).clientRetries == nil)
        }
        var fields = try read(.xStainlessRetryCount, "4")
        _ = fields.readRetryCounter(name: Array("x-retry-count".utf8).span, Array("2".utf8).span)
        #expect(fields.clientRetries == 4)
    }

    @Test func `a step's own values lose against the request's`() throws {
        var step = try read(.cfAigMaxAttempts, "2")
        var request = try read(.cfAigMaxAttempts, "4")
        request.retryDelayMilliseconds = 7
        request.backoff = .linear
        request.clientRetries = 3
        step.clientRetries = 1
        step.requestTimeoutMilliseconds = 9
        var expected = request
        expected.maxAttempts = 2
        expected.requestTimeoutMilliseconds = 9
        #expect(step.over(request) == expected)
        #expect(AttemptFields().over(request) == request && request.over(AttemptFields()) == request)
    }
}
