import SemanticCache
import Testing

struct QuotedRuleTests {
    @Test(arguments: [
        ("say \"good morning\" in French", "how do I say good morning in French"), ("the error “not found”", "the error 'not found'"),
        ("run `git pull`", "run git pull"), ("open https://a.example/x", "open https://a.example/x, please"),
        ("use foo_bar()", "call `foo_bar()`"),
        ("in Node.js", "in node.js"), ("read /etc/hosts", "read the file /etc/hosts."), ("the dogs' food", "food of the dogs"),
        ("and/or", "or/and"), ("pay $5 to \"Jo Doe\"", "pay Jo Doe 5 dollars"), ("U.S. law", "US law"), ("file(s)", "files"),
    ]) func `the same text with other quotes, or none, passes`(left: String, right: String) {
        #expect(outcome(.quoted, left, right) == .pass)
    }

    @Test(arguments: [
        ("say \"good morning\"", "say \"good night\""), ("run `git pull`", "run `git push`"),
        ("https://a.example/x", "https://a.example/y"),
        ("/etc/hosts", "/etc/host"), ("foo_bar", "foo_baz"), ("ls -la", "ls -l"), ("--verbose", "--quiet"), ("print(a)", "print(b)"),
        ("7 + 8", "7 - 8"), ("a < b", "a > b"), ("what does 😀 mean", "what does 😢 mean"), ("ab.c", "ab.d"),
        ("me@a.example", "me@b.example"),
        ("std::map", "std::set"), ("`x  = 1`", "`X = 1`"), ("<div>", "<span>"), ("$HOME", "$PATH"), ("C:\\Temp", "C:\\Users"),
        ("```\nlet a = 1\n```", "```\nlet a = 2\n```"), ("main.py", "main.js"),
    ]) func `another string, path, identifier or sign blocks`(left: String, right: String) {
        #expect(outcome(.quoted, left, right) == .block)
    }
}
