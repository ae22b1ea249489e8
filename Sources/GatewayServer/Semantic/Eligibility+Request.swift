public import RequestScan
public import SemanticCache

extension Eligibility {
    /// What a request's body says, all but the number of the text's tokens. A tool is not known to be free of side effects by its schema.
    public init(_ part: SemanticPart, _ scan: RequestScan, ttlSeconds: Int) {
        self.init()
        forcesTool = part.forcesTool
        offersToolWithSideEffects = part.offersTool
        hasImage = part.hasImage
        hasOtherContent = part.hasOtherContent
        temperature = scan.temperature
        choices = scan.choices
        self.ttlSeconds = ttlSeconds
    }
}
