import RateLimiting
import Testing

@Suite struct LimitScopeTests {
    @Test func `a key and a tenant of the same name are two scopes`() {
        #expect(LimitScope.key("a") != .tenant("a"))
        #expect(LimitScope.tenant("a").kind == "tenant")
        #expect(LimitScope.route("fast").id == "fast")
    }
}
