import Testing

/// Lets only a few test functions of the suites that carry it run at once: each drives several processes of its own.
///
/// Waiting for a slot does not count against a test's time limit.
struct Slots: SuiteTrait, TestTrait, TestScoping {
    private static let free = Semaphore(count: 8)

    var isRecursive: Bool { true }

    func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? {
        test.isSuite || testCase != nil ? nil : self
    }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        await Self.free.take()
        do {
            try await function()
        } catch {
            await Self.free.give()
            throw error
        }
        await Self.free.give()
    }
}

extension Trait where Self == Slots {
    /// At most eight test functions of the process in such suites at once.
    static var slots: Self { Slots() }
}

/// Counts free places; who finds none waits in line without holding a thread.
private actor Semaphore {
    private var count: Int
    private var line: [CheckedContinuation<Void, Never>] = []

    init(count: Int) { self.count = count }

    func take() async {
        if count > 0 {
            count -= 1
        } else {
            await withCheckedContinuation { line.append($0) }
        }
    }

    func give() {
        if line.isEmpty { count += 1 } else { line.removeFirst().resume() }
    }
}
