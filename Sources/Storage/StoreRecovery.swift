import GatewayModel

/// What happens at open, in this order: own lock, what the files say, a look by a child process if they are suspect, the open itself with
/// the schema record, the marks. A damaged store is set aside and begun anew once if it is disposable; otherwise opening is refused.
struct StoreRecovery {
    let files: StoreFiles
    let options: StoreOptions

    func open() throws(StoreError) -> StoreEnvironment {
        try files.makeFolder()
        let lock = try StoreLock(folder: files.folder)
        var opening = StoreOpening()
        opening.wasUnclean = files.isDirty
        do {
            try examine(&opening)
            return try openSound(lock, opening)
        } catch {
            guard options.isDisposable, error.kind == .damaged || error.kind == .schema else { throw refusal(error) }
            opening.damage = error
            opening.quarantinedFile = try files.quarantine(at: WallTime.now().milliseconds / 1000)
            opening.isNew = true
            opening.schemaVersionFound = nil
            return try openSound(lock, opening)
        }
    }

    /// Returns if the store may be mapped; throws `.damaged` if not.
    private func examine(_ opening: inout StoreOpening) throws(StoreError) {
        switch files.examine() {
        case .absent:
            files.removeRemains()
            opening.isNew = true
        case .sound:
            return
        case .damaged(let reason):
            throw damaged(reason)
        case .suspect(let bytesNeeded):
            if let checker = options.checker {
                let verdict = checker(files.folder)
                opening.verdict = verdict
                if case .damaged(let reason) = verdict { throw damaged(reason) }
            }
            files.extend(to: bytesNeeded)
        }
    }

    private func openSound(_ lock: StoreLock, _ opening: StoreOpening) throws(StoreError) -> StoreEnvironment {
        files.markDirty()
        let handles = try StoreHandles(folder: files.folder, options: options)
        files.markCreated()
        var opening = opening
        opening.schemaVersionFound = handles.schemaVersionFound
        return StoreEnvironment(files: files, options: options, handles: handles, lock: lock, opening: opening)
    }

    private func damaged(_ reason: String) -> StoreError {
        StoreError(kind: .damaged, message: "the store \(files.folder) is damaged: \(reason)")
    }

    private func refusal(_ error: StoreError) -> StoreError {
        guard error.kind == .damaged else { return error }
        let advice = "Nothing was changed; restore a snapshot or remove the folder"
        return StoreError(kind: .damaged, code: error.code, message: "\(error.message). \(advice)")
    }
}
