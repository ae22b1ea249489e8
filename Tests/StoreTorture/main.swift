// A process for the store tests to kill, to look at suspect stores, and to hold them open. Never part of a product.

import ExactCache
import GatewayModel
import Glibc
import Storage
import TestSupport

// A sanitizer would turn the death by a damaged file into an ordinary exit.
signal(SIGBUS, SIG_DFL)
signal(SIGSEGV, SIG_DFL)
let arguments = CommandLine.arguments
guard arguments.count >= 3 else {
    say("usage: store-torture check-plain|check-cache|check-ring|write-plain|write-cache|write-ring|bench-cache|hold|pin FOLDER")
    exit(2)
}
let folder = arguments[2]
switch arguments[1] {
case "check-plain": exit(PlainStore.check(folder))
case "check-cache": exit(CacheTorture.check(folder))
case "write-plain": PlainStore.write(folder)
case "write-cache": CacheTorture.write(folder, seed: arguments.count > 3 ? UInt64(arguments[3]) ?? 1 : 1)
case "check-ring": exit(RingTorture.check(folder))
case "write-ring": RingTorture.write(folder)
case "bench-cache": CacheBench.run(folder, entries: arguments.count > 3 ? Int(arguments[3]) ?? 100_000 : 100_000)
case "hold": PlainStore.hold(folder)
case "pin": PlainStore.pin(folder)
default: exit(2)
}
