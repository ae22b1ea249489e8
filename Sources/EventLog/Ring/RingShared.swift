import GatewayModel

/// What the writer thread and everybody else share: the settings in force and the state as of the last commit.
final class RingShared: @unchecked Sendable {  // @unchecked: the variables are guarded by `lock`; what they hold is copied on write.
    private let lock = Lock()
    private var currentSettings: EventLogSettings
    private var currentState = RingState()
    private var flushHandler: (@Sendable (Bool) -> Void)?

    init(_ settings: EventLogSettings) { currentSettings = settings }

    var settings: EventLogSettings {
        get { lock.withLock { currentSettings } }
        set { lock.withLock { currentSettings = newValue } }
    }

    var state: RingState {
        get { lock.withLock { currentState } }
        set { lock.withLock { currentState = newValue } }
    }

    /// Asks the writer for a transaction, at once or when there is company. Set once the writer thread runs.
    func setFlush(_ handler: (@Sendable (_ isUrgent: Bool) -> Void)?) { lock.withLock { flushHandler = handler } }

    func requestFlush(isUrgent: Bool = false) {
        let handler = lock.withLock { flushHandler }
        handler?(isUrgent)
    }
}
