/// The members of a JSON object in order. Look-up is linear: objects on the cold paths are small.
///
/// Names compare by code points, as JSON parsers do, not by Swift's canonical equivalence: `"é"` precomposed and decomposed are two names.
public struct JSONObject: Sendable, Equatable {
    /// One name and its value.
    public struct Member: Sendable, Equatable {
        /// The name, escapes decoded.
        public var key: String
        /// The value.
        public var value: JSONValue

        /// Makes a member.
        public init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }

        /// Names compare by code points.
        public static func == (left: Self, right: Self) -> Bool { hasSameBytes(left.key, right.key) && left.value == right.value }
    }

    /// The members in order. Whoever changes them directly keeps the names distinct.
    public var members: [Member]

    /// An object with these members, whose names must be distinct.
    public init(members: [Member] = []) { self.members = members }

    /// How many members there are.
    public var count: Int { members.count }

    /// The value of a name. Setting replaces in place or appends; setting `nil` removes the member.
    public subscript(key: String) -> JSONValue? {
        get { members.first { hasSameBytes($0.key, key) }?.value }
        set {
            let index = members.firstIndex { hasSameBytes($0.key, key) }
            switch (index, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append(Member(key: key, value: value))
            case (nil, nil): break
            }
        }
    }
}

/// Whether two strings are the same UTF-8. Swift's `==` would call canonically equivalent strings equal.
func hasSameBytes(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
