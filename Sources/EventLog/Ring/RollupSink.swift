import GatewayModel

/// What adds up events. The log hands it every event exactly once, whether or not its row is kept, and keeps what it adds up.
///
/// Any thread may call any method: usually it is the log's writer thread, but a submitting thread counts its events itself when the queue is
/// full. So implementations lock, for as short as they can.
public protocol RollupSink: AnyObject, Sendable {
    /// Counts an event.
    func record(_ event: GatewayEvent)

    /// The cells that changed since the last call, each as a key of 1 to 511 bytes and its whole present value. The log keeps trying to write
    /// them until they are in the store, or until a later call gives a newer value for the key.
    func takeDirty(now: WallTime) -> [(key: [UInt8], value: [UInt8])]

    /// Takes back a cell that was written in an earlier run. Called at open, before any `record`. Bytes may be damaged: such a cell is dropped.
    func restore(key: Span<UInt8>, value: Span<UInt8>)

    /// Forgets the cells past their time; returns their keys, to be deleted. Called about once a minute.
    func expire(now: WallTime) -> [[UInt8]]
}
