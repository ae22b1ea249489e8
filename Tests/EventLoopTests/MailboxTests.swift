import EventLoop
import Glibc
import Synchronization
import Testing

struct MailboxTests {
    /// Lists that several threads append to.
    final class Journal: Sendable {
        let lists: Mutex<[[Int]]>
        init(count: Int) { lists = Mutex(Array(repeating: [], count: count)) }
        func append(_ value: Int, to list: Int) { lists.withLock { $0[list].append(value) } }
    }

    @Test func `jobs posted by many threads all run, each thread's in order`() throws {
        let journal = Journal(count: 4)
        let reader = try LoopThread(name: "reader") { _ in }
        let mailbox = reader.mailbox
        let posters = try (0..<4).map { number in
            try LoopThread(name: "poster") { loop in
                loop.mailbox.post { for value in 0..<2000 { mailbox.post { journal.append(value, to: number) } } }
            }
        }
        for poster in posters {
            poster.stop()  // after the job posted before it
            poster.join()
        }
        reader.stop()
        reader.join()
        journal.lists.withLock { lists in
            for list in lists { #expect(list == Array(0..<2000)) }
        }
    }

    @Test func `a full mailbox refuses the next job and loses none it took`() throws {
        var options = EventLoop.Options()
        options.mailboxJobsMax = 3
        let loop = try EventLoop(options: options)
        defer { loop.close() }
        let journal = Journal(count: 1)
        for value in 0..<3 { #expect(loop.mailbox.post { journal.append(value, to: 0) }) }
        #expect(!loop.mailbox.post { journal.append(3, to: 0) })
        #expect(try run(loop, until: { journal.lists.withLock { $0[0].count } == 3 }))
        #expect(loop.mailbox.post { journal.append(4, to: 0) })
        #expect(try run(loop, until: { journal.lists.withLock { $0[0] } == [0, 1, 2, 4] }))
    }

    @Test func `a job that posts itself does not starve the sockets`() throws {
        let loop = try EventLoop()
        defer { loop.close() }
        let endless = Endless(loop.mailbox)
        endless.post()
        var fired = false
        let timer = try loop.makeTimer { fired = true }
        timer.start(afterMilliseconds: 1)
        #expect(try run(loop, until: { fired }))
        endless.isOver.store(true, ordering: .relaxed)
    }

    final class Endless: Sendable {
        let mailbox: LoopMailbox
        let isOver = Atomic(false)
        init(_ mailbox: LoopMailbox) { self.mailbox = mailbox }
        func post() { if !isOver.load(ordering: .relaxed) { mailbox.post { self.post() } } }
    }

    @Test func `a closed loop's mailbox refuses and never touches freed memory`() throws {
        let loop = try EventLoop()
        let mailbox = loop.mailbox
        let journal = Journal(count: 1)
        #expect(mailbox.post { journal.append(1, to: 0) })
        loop.close()
        #expect(!mailbox.post { journal.append(2, to: 0) })
        mailbox.stopLoop()
        #expect(journal.lists.withLock { $0[0] }.isEmpty, "jobs still waiting at the close are dropped")
    }

    @Test func `posts racing with the close of the loop are run or refused`() throws {
        for _ in 0..<50 {
            let reader = try LoopThread(name: "reader") { _ in }
            let mailbox = reader.mailbox
            let poster = try LoopThread(name: "poster") { loop in
                loop.mailbox.post { while mailbox.post({}) {} }
            }
            usleep(200)
            reader.stop()
            reader.join()
            poster.stop()
            poster.join()
        }
    }

    @Test func `a value bound to a loop comes back intact on that loop`() throws {
        final class Confined {
            var count = 0
        }
        let journal = Journal(count: 1)
        let thread = try LoopThread(name: "bound") { loop in
            let bound = LoopBound(Confined(), loop: loop)
            for _ in 0..<3 {
                loop.mailbox.post {
                    bound.value.count += 1
                    journal.append(bound.value.count, to: 0)
                }
            }
        }
        thread.stop()
        thread.join()
        #expect(journal.lists.withLock { $0[0] } == [1, 2, 3])
    }

    /// Notes whether it ends on the thread that made it.
    private final class Confined {
        private let journal: Journal
        private let thread = pthread_self()
        init(_ journal: Journal) { self.journal = journal }
        deinit { journal.append(pthread_equal(thread, pthread_self()) != 0 ? 1 : 0, to: 0) }
    }

    /// The last reference to a bound value, in another thread's hands.
    private final class Holder: Sendable {
        let held = Mutex<LoopBound<Confined>?>(nil)
    }

    @Test func `a bound value ends on the thread that lets go of it last`() throws {
        let (journal, holder) = (Journal(count: 1), Holder())
        let thread = try LoopThread(name: "bound") { loop in
            let bound = LoopBound(Confined(journal), loop: loop)
            holder.held.withLock { $0 = bound }
        }
        holder.held.withLock { $0 = nil }
        thread.stop()
        thread.join()
        #expect(journal.lists.withLock { $0[0] } == [1])
    }

    @Test func `a bound value outlives its loop for ever`() throws {
        let (journal, holder) = (Journal(count: 1), Holder())
        let thread = try LoopThread(name: "bound") { loop in
            let bound = LoopBound(Confined(journal), loop: loop)
            holder.held.withLock { $0 = bound }
        }
        thread.stop()
        thread.join()
        #expect(journal.lists.withLock { $0[0] }.isEmpty)
        holder.held.withLock { $0 = nil }
        #expect(journal.lists.withLock { $0[0].count } == 1)
    }

    @Test func `a thread whose set-up fails reports it and ends`() throws {
        let expected = LoopError(operation: "bind", code: -EADDRINUSE)
        #expect(throws: expected) {
            try LoopThread(name: "fails") { (_) throws(LoopError) in throw expected }
        }
    }
}
