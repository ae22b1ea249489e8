// Reads requests from standard input, each preceded by its length as four big-endian bytes, and writes what HTTP1 makes of each as one
// line of JSON: {"requests":[{…}],"refusal":"code"|null}. Bytes are hexadecimal. compare.py puts other parsers beside it.

import Glibc
import HTTP1
import HTTP1Transcript

func readAll() -> [UInt8] {
    var input: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = read(STDIN_FILENO, &buffer, buffer.count)
        guard count > 0 else { return input }
        input += buffer[..<count]
    }
}

func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

func json(_ request: Transcript.Request) -> String {
    let fields = request.fields.map { "[\"\(hex($0.name))\",\"\(hex($0.value))\"]" }.joined(separator: ",")
    return """
        {"method":"\(request.method)","target":"\(hex(request.target))","http10":\(request.isHTTP10),"fields":[\(fields)],\
        "body":"\(hex(request.body))","keeps_alive":\(request.keepsAlive),"complete":\(request.isComplete)}
        """
}

let input = readAll()
var position = 0
while position + 4 <= input.count {
    let count = input[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
    guard position + 4 + count <= input.count else { exit(2) }
    let bytes = Array(input[position + 4..<position + 4 + count])
    position += 4 + count
    if let fault = findParserFault(in: bytes) {
        let message = Array("\(fault): \(hex(bytes))\n".utf8)
        _ = write(STDERR_FILENO, message, message.count)
        exit(1)
    }
    let transcript = Transcript(bytes)
    let requests = transcript.requests.map(json).joined(separator: ",")
    print("{\"requests\":[\(requests)],\"refusal\":\(transcript.refusal.map { "\"\($0.code)\"" } ?? "null")}")
}
