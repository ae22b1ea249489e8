import Testing

@testable import Admin

@Suite struct DashboardAssetTests {
    @Test func `every file has a path and a tag of its own`() {
        #expect(Set(DashboardAsset.all.map(\.path)).count == DashboardAsset.all.count)
        #expect(Set(DashboardAsset.all.map(\.tag)).count == DashboardAsset.all.count)
        #expect(DashboardAsset.all.allSatisfy { !$0.body.isEmpty })
    }

    @Test func `a browser that has the file gets 304 without it`() throws {
        let asset = try #require(DashboardAsset.all.first)
        for known in [asset.tag, "W/" + asset.tag, "\"other\", " + asset.tag, "*"] {
            let response = asset.response(ifNoneMatch: known)
            #expect(response.status == 304)
            #expect(response.body.isEmpty)
        }
        for unknown in [nil, "", "\"other\"", String(asset.tag.dropLast())] {
            let response = asset.response(ifNoneMatch: unknown)
            #expect(response.status == 200)
            #expect(response.body == asset.body)
            #expect(response.fields.contains { $0.name.description == "etag" && $0.value == asset.tag })
        }
    }
}
