extension LogRow {
    /// Whether the request's body is there to be read.
    public var hasRequest: Bool { hasPayloads && has(.request) }

    /// Whether the answer's body is there to be read.
    public var hasResponse: Bool { hasPayloads && has(.response) }

    private func has(_ section: EventLayout.Sections) -> Bool { bytes.withUnsafeBytes { RowView($0)?.sections.contains(section) ?? false } }
}
