import CCurl

/// A request's header lines as the linked list libcurl reads, in two blocks of memory that are reused from request to request.
struct HeaderList: ~Copyable {
    private var text: UnsafeMutablePointer<CChar>
    private var textCapacity = 1024
    private var nodes: UnsafeMutablePointer<curl_slist>
    private var nodesCapacity = 32
    private var count = 0

    init() {
        text = .allocate(capacity: textCapacity)
        nodes = .allocate(capacity: nodesCapacity)
    }

    deinit {
        text.deallocate()
        nodes.deallocate()
    }

    /// Lines that keep libcurl from adding fields of its own, or tell it the framing. All end in NUL.
    private static let noAccept: StaticString = "Accept:\0"
    private static let noContentType: StaticString = "Content-Type:\0"
    private static let noExpect: StaticString = "Expect:\0"
    private static let chunked: StaticString = "Transfer-Encoding: chunked\0"

    /// Builds the list for a request. The list before it must be out of use.
    mutating func fill(_ request: UpstreamRequest) {
        var extra: [4 of StaticString] = [Self.noExpect, Self.noExpect, Self.noExpect, Self.noExpect]
        var extraCount = 1
        if !request.fields.namesAccept {
            extra[extraCount] = Self.noAccept
            extraCount += 1
        }
        if !request.fields.namesContentType {
            extra[extraCount] = Self.noContentType
            extraCount += 1
        }
        if case .streamed(length: nil) = request.body {
            extra[extraCount] = Self.chunked
            extraCount += 1
        }
        reserve(bytes: request.fields.lines.count + 128, nodes: request.fields.count + extraCount)
        var end = copy(request.fields)
        for index in 0..<extraCount { end = append(extra[index], at: end) }
        link()
    }

    private mutating func reserve(bytes: Int, nodes wanted: Int) {
        if bytes > textCapacity {
            text.deallocate()
            textCapacity = bytes
            text = .allocate(capacity: bytes)
        }
        if wanted > nodesCapacity {
            nodes.deallocate()
            nodesCapacity = wanted
            nodes = .allocate(capacity: wanted)
        }
        count = 0
    }

    private mutating func copy(_ fields: UpstreamFields) -> Int {
        var lineStart = 0
        for (index, byte) in fields.lines.enumerated() {
            text[index] = CChar(bitPattern: byte)
            if byte == 0 {
                nodes[count].data = text + lineStart
                count += 1
                lineStart = index + 1
            }
        }
        return lineStart
    }

    private mutating func append(_ line: StaticString, at start: Int) -> Int {
        let size = line.utf8CodeUnitCount
        line.utf8Start.withMemoryRebound(to: CChar.self, capacity: size) { (text + start).update(from: $0, count: size) }
        nodes[count].data = text + start
        count += 1
        return start + size
    }

    private mutating func link() {
        for index in 0..<count { nodes[index].next = index + 1 < count ? nodes + index + 1 : nil }
    }

    /// Calls `body` with the list's first node; the memory stays until the next `fill`.
    func withList(_ body: (UnsafeMutablePointer<curl_slist>?) -> Void) { body(count == 0 ? nil : nodes) }
}
