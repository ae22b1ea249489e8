/// A section of a word list.
enum WordListSection: String, CaseIterable {
    case stop, negations, idioms, numbers, scales, units, names, languages, opposites, synonyms, irregular, formats, times, volatile,
        questions,
        openers
    case roles, directions, agents, joiners

    /// Whether a word also stands for its regular inflections.
    var inflects: Bool {
        switch self {
        case .negations, .opposites, .synonyms: true
        default: false
        }
    }

    /// What joins the words of a line.
    enum Shape { case list, sides, group, value, factor, kind }

    var shape: Shape {
        switch self {
        case .stop, .negations, .idioms, .openers, .roles, .agents, .joiners, .volatile: .list
        case .opposites, .directions: .sides
        case .units, .names, .languages, .synonyms, .irregular, .formats, .times: .group
        case .numbers: .value
        case .scales: .factor
        case .questions: .kind
        }
    }
}
