import GatewayModel
import Testing

@testable import GatewayServer

/// The directives of some header fields.
private func directives(_ fields: (FieldName, String)...) throws -> CacheDirectives {
    var directives = CacheDirectives()
    for (name, value) in fields { try directives.apply(name, value: value) }
    return directives
}

@Suite struct `Cache directives` {
    @Test(arguments: [FieldName.cfAigCacheTTL, .cfCacheTTL])
    func `a ttl of zero neither reads nor writes`(_ name: FieldName) throws {
        let found = try directives((name, "0"))
        #expect(found.skipsRead && found.skipsWrite && found.bypass == .ttlZero)
    }

    @Test func `of two ttls the shorter wins`() throws {
        #expect(try directives((.cfAigCacheTTL, "60"), (.cfCacheTTL, "30")).ttlSeconds == 30)
    }

    @Test(arguments: [FieldName.cfAigSkipCache, .cfSkipCache])
    func `skip-cache neither reads nor writes, and false does nothing`(_ name: FieldName) throws {
        let on = try directives((name, "true"))
        #expect(on.bypass == .skipRequested && on.skipsRead && on.skipsWrite)
        #expect(try directives((name, "false")) == CacheDirectives())
    }

    @Test func `a force-refresh header with the value false does not refresh`() throws {
        #expect(try directives((.xPortkeyCacheForceRefresh, "false")) == CacheDirectives())
        let on = try directives((.xPortkeyCacheForceRefresh, "true"))
        #expect(on.skipsRead && !on.skipsWrite && on.bypass == nil)
    }

    @Test func `Cache-Control is read as RFC 9111 says`() throws {
        let refresh = try directives((.cacheControl, "no-cache"))
        #expect(refresh.skipsRead && !refresh.skipsWrite)
        #expect(try directives((.cacheControl, "No-Store")).bypass == .noStore)
        #expect(try directives((.cacheControl, "only-if-cached")).onlyIfCached)
        #expect(try directives((.cacheControl, "max-age=\"90\", no-transform")).maxAgeSeconds == 90)
        #expect(try directives((.cacheControl, "max-age=0")).skipsRead)
        #expect(try directives((.cacheControl, "max-age=x, foo, =, ,")) == CacheDirectives())
    }

    @Test func `a value without meaning is a 400 that names the field`() {
        for (name, value) in [
            (FieldName.cfAigCacheTTL, "soon"), (.cfAigCacheTTL, "-1"), (.cfAigCacheTTL, ""), (.cfAigSkipCache, "maybe"),
            (.cfAigCacheKey, ""),
        ] {
            let error = #expect(throws: GatewayError.self) { try directives((name, value)) }
            #expect(error?.status == 400 && error?.param == name.name)
        }
    }

    @Test func `a cache key of 256 bytes is taken and one of 257 refused`() throws {
        #expect(try directives((.cfAigCacheKey, String(repeating: "k", count: 256))).customKey?.count == 256)
        #expect(throws: GatewayError.self) { try directives((.cfAigCacheKey, String(repeating: "k", count: 257))) }
    }

    @Test func `sixteen tags are taken and a seventeenth refused`() throws {
        let sixteen = (0..<16).map { "t\($0)" }.joined(separator: ", ")
        #expect(try directives((.weirCacheTags, sixteen)).tags.count == 16)
        #expect(throws: GatewayError.self) { try directives((.weirCacheTags, sixteen + ",t16")) }
        #expect(try directives((.weirCacheTags, "a,,a, a ,b")).tags == ["a", "b"])
    }

    @Test func `two vocabularies of namespaces do not run together`() throws {
        let both = try directives((.weirCacheNamespace, "ab"), (.heliconeCacheSeed, "c"))
        let other = try directives((.weirCacheNamespace, "a"), (.heliconeCacheSeed, "bc"))
        #expect(both.namespace != other.namespace)
    }

    @Test func `LiteLLM's body field maps onto the same wishes`() throws {
        var found = CacheDirectives()
        try found.applyLiteLLM(ttl: 10, sMaxAge: 0, noCache: false, noStore: false, namespace: Array("n".utf8))
        #expect(found.ttlSeconds == 10 && found.skipsRead && !found.namespace.isEmpty)
        var off = CacheDirectives()
        try off.applyLiteLLM(ttl: nil, sMaxAge: nil, noCache: false, noStore: true, namespace: nil)
        #expect(off.bypass == .noStore)
    }

    @Test func `refreshes and bypasses share no flight`() throws {
        #expect(CacheDirectives().sharesFlights)
        #expect(try !directives((.cacheControl, "no-cache")).sharesFlights)
        #expect(try !directives((.cacheControl, "max-age=5")).sharesFlights)
        #expect(try !directives((.cfAigSkipCache, "true")).sharesFlights)
    }
}

@Suite struct `Cache-Status` {
    @Test(arguments: [
        (CacheStatus.hit(ttlSeconds: 376, ageSeconds: 4), "weir; hit; ttl=376", "HIT"),
        (.staleWhileRevalidate(ttlSeconds: -42, ageSeconds: 9), "weir; hit; ttl=-42; detail=stale-while-revalidate", "HIT"),
        (.staleIfError(upstreamStatus: 503, ageSeconds: 9), "weir; fwd=stale; fwd-status=503; detail=stale-if-error", "HIT"),
        (.staleIfError(upstreamStatus: nil, ageSeconds: 9), "weir; fwd=stale; detail=stale-if-error", "HIT"),
        (.missToBeStored, "weir; fwd=miss; stored", "MISS"),
        (.miss(.hitForMiss), "weir; fwd=miss; detail=hit-for-miss", "MISS"),
        (.collapsed, "weir; fwd=miss; collapsed", "MISS"),
        (.refreshToBeStored, "weir; fwd=request; stored", "MISS"),
        (.bypass(.skipRequested), "weir; fwd=bypass; detail=skip-requested", "MISS"),
        (.partial(cached: 3, of: 4), "weir; fwd=partial; detail=\"3/4\"", "MISS"),
    ])
    func `is worded as the wire contract says`(_ status: CacheStatus, _ text: String, _ cloudflare: String) {
        var bytes: [UInt8] = []
        status.append(to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == text)
        #expect(status.cloudflareName.description == cloudflare)
    }
}
