internal import CEmbeddingKernels

/// What a thread embeds in: grown to the longest text seen, at most some megabytes. One per thread, reused for every text.
public struct EmbeddingScratch: ~Copyable {
    var tokens = WordPieceScratch()
    private(set) var memory: UnsafeMutableRawPointer?
    private var bytes = 0

    /// Makes an empty one.
    public init() {}

    deinit { memory?.deallocate() }

    /// Memory of at least so many bytes, aligned for the kernels. Its contents are not kept.
    mutating func workspace(_ count: Int) -> UnsafeMutableRawPointer {
        if let memory, bytes >= count { return memory }
        memory?.deallocate()
        let grown = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 64)
        memory = grown
        bytes = count
        return grown
    }
}

/// What became of a text besides its vector.
public struct EmbeddedText: Sendable, Equatable {
    /// Tokens that went into the vector, [CLS] and [SEP] included where the model has them.
    public var tokens: Int
    /// Whether the text was longer than the model or the limit takes; its vector stands for the beginning.
    public var isCut: Bool
    /// Whether the text has no word that the model knows: nothing to compare.
    public var isEmpty: Bool
}

/// The instruction set that the kernels use.
public struct KernelLevel: Sendable, Equatable {
    let rawValue: Int32

    init(rawValue: Int32) { self.rawValue = rawValue }

    /// The best one of this processor.
    public static let best = KernelLevel(rawValue: weir_kernel_best())

    /// All that this processor has, slowest first. For tests and benchmarks.
    public static let available = (0...best.rawValue).map { KernelLevel(rawValue: $0) }

    /// `portable`, `avx2`, `avx512` or `avx512-vnni`.
    public var name: String { String(cString: weir_kernel_name(rawValue)) }
}
