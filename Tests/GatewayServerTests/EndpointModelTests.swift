import Glibc
import Tenants
import TestSupport
import Testing

@testable import GatewayServer

@Suite struct `Embeddings endpoint's model` {
    private let folder = TemporaryFolder()
    private var path: String { folder.file("semantic-endpoint") }

    private func failure(_ model: EndpointModel, _ name: String) -> EndpointFailure? {
        do throws(EndpointFailure) {
            try model.check(name)
            return nil
        } catch { return error }
    }

    @Test func `the first model is kept and another refused`() throws {
        let model = try EndpointModel(path: path, identity: "a")
        #expect(failure(model, "one") == nil)
        #expect(failure(model, "two") == .modelChanged)
        #expect(failure(model, "") == .modelChanged)
        #expect(failure(model, "one") == nil)
    }

    @Test func `a model that changes across a restart is refused while the vectors stay`() throws {
        let before = try EndpointModel(path: path, identity: "a")
        #expect(failure(before, "one") == nil)
        let after = try EndpointModel(path: path, identity: "a")
        #expect(after.generation == before.generation)
        #expect(failure(after, "two") == .modelChanged)
        #expect(failure(after, "one") == nil)
    }

    @Test func `an endpoint that names no model is held to that`() throws {
        #expect(failure(try EndpointModel(path: path, identity: "a"), "") == nil)
        #expect(failure(try EndpointModel(path: path, identity: "a"), "one") == .modelChanged)
    }

    @Test func `before the first answer a restart keeps the vectors' name`() throws {
        let before = try EndpointModel(path: path, identity: "a")
        #expect(try EndpointModel(path: path, identity: "a").generation == before.generation)
    }

    @Test(arguments: ["", "{", "[]", "{\"endpoint\":1}", "{\"endpoint\":\"a\",\"generation\":\"1\",\"model\":\"one\"}"])
    func `a file that is not this endpoint's begins anew`(_ content: String) throws {
        let before = try EndpointModel(path: path, identity: "a")
        #expect(failure(before, "one") == nil)
        try PrivateFile.create(path, Array(content.utf8), replacing: true)
        let after = try EndpointModel(path: path, identity: "a")
        #expect(after.generation != before.generation)
        #expect(failure(after, "two") == nil)
    }

    @Test func `another URL, model or number of dimensions begins anew, and the file tells of none`() throws {
        let before = try EndpointModel(path: path, identity: "https://host/?key=canary\nm\n64")
        let after = try EndpointModel(path: path, identity: "https://host/?key=canary\nm\n128")
        #expect(after.generation != before.generation)
        #expect(TestFile.find(Array("canary".utf8), in: path).isEmpty)
    }

    @Test func `a name that can't be written down is not used`() throws {
        let inner = folder.file("inner")
        #expect(mkdir(inner, 0o700) == 0)
        let model = try EndpointModel(path: inner + "/file", identity: "a")
        #expect(unlink(inner + "/file") == 0 && rmdir(inner) == 0)
        #expect(failure(model, "one") == .modelUnsaved)
        #expect(failure(model, "one") == .modelUnsaved)
    }
}
