import GatewayModel
import HTTP1
import Providers

/// A provider as the request path sees it: shared by reference, for its definition has a dozen lists that a copy would each have to count.
final class ProviderState: Sendable {
    let definition: ProviderDefinition
    /// `definition.name`, for what matches bytes.
    let name: [UInt8]
    /// The header fields that belong to the cache key, in the definition's order.
    let keyHeaders: [KeyHeader]
    /// Those of `keyHeaders` whose names the parser knows, and whether there are others.
    let knownKeyHeaders: FieldNameSet
    let hasUnknownKeyHeaders: Bool
    /// By operation: the base that offers it on the unified surface.
    private let bases: [ProviderBase?]
    private let forms: [NativeForm]

    private struct NativeForm: Sendable {
        let dialect: Dialect
        let operation: Operation
        let form: CredentialForm
    }

    /// A header field that changes the answer.
    struct KeyHeader: Sendable {
        /// In lower case.
        let name: [UInt8]
        /// The same, where the parser knows the name: then its absence costs one test.
        let known: FieldName?
    }

    init(_ definition: ProviderDefinition) {
        self.definition = definition
        name = Array(definition.name.utf8)
        keyHeaders = definition.answerChangingHeaders.map { name in
            KeyHeader(name: Array(name.utf8), known: FieldName.allCases.first { $0.name == name })
        }
        knownKeyHeaders = FieldNameSet(keyHeaders.compactMap(\.known))
        hasUnknownKeyHeaders = keyHeaders.contains { $0.known == nil }
        forms = definition.bases.flatMap { base in
            base.operations.map {
                NativeForm(dialect: base.dialect, operation: $0.operation, form: base.credential ?? definition.credential)
            }
        }
        let last = Operation.allCases.map(\.rawValue).max() ?? 0
        bases = (0...last).map { number in Operation(rawValue: number).flatMap { definition.base(offering: $0) } }
    }

    /// How the operator's key is sent on a native path.
    func nativeForm(_ dialect: Dialect, _ operation: Operation) -> CredentialForm {
        for index in forms.indices where forms[index].dialect == dialect && forms[index].operation == operation { return forms[index].form }
        return definition.credential
    }

    /// The first base that offers an operation.
    func base(offering operation: Operation) -> ProviderBase? { bases[Int(operation.rawValue)] }
}
