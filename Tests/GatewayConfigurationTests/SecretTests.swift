import Testing

@testable import GatewayConfiguration

@Suite struct SecretTests {
    private let canary = "sk-canary-0123456789"

    @Test func `neither snapshot nor secret nor error shows a secret`() throws {
        let snapshot = try load(
            "admin: {secret: env:TOKEN}\nprovider_credentials: {openai: [env:KEY, file:key.txt]}",
            environment: ["KEY": canary, "TOKEN": canary + canary],
            files: ["key.txt": canary + "-two\n"])
        let index = try #require(snapshot.providers.index(of: "openai"))
        #expect(snapshot.credentials[index].map { $0.reveal() } == [canary, canary + "-two"])
        var text = "\(snapshot) \(String(reflecting: snapshot)) \(snapshot.credentials) \(snapshot.admin)"
        dump(snapshot.credentials, to: &text)
        dump(snapshot.admin, to: &text)
        #expect(!text.contains("canary"))
        #expect(text.contains("<redacted>"))
    }

    @Test func `an error about a secret does not repeat it`() {
        let lines = refusals(
            "provider_credentials: {openai: \"\(canary)\", groq: env:BAD, mistral: file:two.txt}", environment: ["BAD": canary + " x"],
            files: ["two.txt": "\(canary)\n\(canary)\n"])
        #expect(lines.count == 3)
        #expect(!lines.joined().contains("canary"))
    }

    @Test func `a secret of 16 KiB is taken and a longer one is not`() throws {
        let longest = String(repeating: "k", count: SecretReader.bytesMax)
        _ = try load("provider_credentials: {openai: env:K}", environment: ["K": longest])
        #expect(refusals("provider_credentials: {openai: env:K}", environment: ["K": longest + "k"]).count == 1)
    }

    @Test(arguments: [
        ("env:", "env: must be followed by the name of an environment variable"),
        ("env:A B", "env: must be followed by the name of an environment variable"),
        ("env:NONE", "environment variable NONE is not set"), ("env:EMPTY", "environment variable EMPTY is not set"),
        ("file:", "file: must be followed by a path"), ("file:empty.txt", "file empty.txt is empty"),
        ("file:gone.txt", "file gone.txt can't be read: No such file or directory"),
        ("credential:", "credential: must be followed by a plain name"),
        ("credential:../x", "credential: must be followed by a plain name"),
        ("credential:x", "credential:x needs systemd's CREDENTIALS_DIRECTORY, which is not set"),
        ("keyring:x", "must be env:NAME, file:PATH or credential:NAME; a secret itself does not belong in this file"),
    ])
    func `a reference that leads nowhere says why`(_ reference: String, _ message: String) {
        let lines = refusals("provider_credentials: {openai: \"\(reference)\"}", environment: ["EMPTY": ""], files: ["empty.txt": "\n\n"])
        #expect(lines == ["weir.yaml:1: provider_credentials.openai: \(message)"])
    }

    @Test func `systemd's credentials are read from their folder`() throws {
        let snapshot = try load(
            "provider_credentials: {openai: credential:openai}", environment: ["CREDENTIALS_DIRECTORY": "/run/credentials/weir"],
            files: ["/run/credentials/weir/openai": "sk-2\n"])
        #expect(snapshot.credentials[try #require(snapshot.providers.index(of: "openai"))].map { $0.reveal() } == ["sk-2"])
    }

    @Test func `20 keys of a provider are taken and 21 are not`() throws {
        let environment = Dictionary(uniqueKeysWithValues: (1...21).map { ("K\($0)", "key\($0)") })
        func list(_ count: Int) -> String {
            "provider_credentials: {openai: [\((1...count).map { "env:K\($0)" }.joined(separator: ", "))]}"
        }
        _ = try load(list(20), environment: environment)
        #expect(
            refusals(list(21), environment: environment) == [
                "weir.yaml:1: provider_credentials.openai: 21 entries where at most 20 are allowed"
            ])
    }

    @Test func `credentials of a provider under two of its names are refused`() {
        let lines = refusals("provider_credentials: {gemini: env:K, google-ai-studio: env:K}", environment: ["K": "k"])
        #expect(lines == ["weir.yaml:1: provider_credentials.google-ai-studio: is given twice, under two of its names"])
    }

    @Test func `a usual variable with a broken value is told, not sent`() {
        let lines = refusals("", environment: ["OPENAI_API_KEY": "sk-1\n"])
        #expect(lines.count == 1)
        #expect(lines.first?.contains("environment variable OPENAI_API_KEY holds a space") == true)
    }
}
