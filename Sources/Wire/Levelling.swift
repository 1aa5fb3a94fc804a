import Core

/// `prepared`: this end's database is open, durable and caught up; from here on both hold the same rows.
package struct PreparedMessage: Hashable, Sendable {
    package var sum: Digest
    package var rows: Int64
    /// The sender's last commit.
    package var mine: Int64

    package init(sum: Digest, rows: Int64, mine: Int64) {
        self.sum = sum
        self.rows = rows
        self.mine = mine
    }

    package func encoded() -> [UInt8] {
        var out = ByteWriter()
        out.put(sum)
        out.put(unsigned: UInt64(rows))
        out.put(unsigned: UInt64(mine))
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        sum = try input.digest()
        rows = Int64(try input.unsigned(atMost: 1 << 50, "rows"))
        mine = Int64(try input.unsigned(atMost: 1 << 60, "commit number"))
        try input.finish()
    }
}

/// `rows`: rows that the other end has not recorded, after an interrupted cycle.
package struct RowsMessage: Sendable {
    package static let rowsMax = 4096

    package struct Item: Hashable, Sendable {
        package var path: TreePath
        package var state: State

        package init(path: TreePath, state: State) {
            self.path = path
            self.state = state
        }

        package enum State: Hashable, Sendable {
            case gone
            case agreed(AgreedEntry)
            /// A directory that was deleted upstream or downstream and stays at the other end for what is not synced in it.
            case residue(AgreedEntry)
            case conflict(Conflict)
            /// Deleted upstream and kept downstream: what was agreed last.
            case withheld(AgreedEntry)
            /// Of a push or pull: what stands upstream, beside something else downstream, as was decided.
            case kept(AgreedEntry)
        }
    }

    package var items: [Item]
    /// The sender's last commit, which these complete when `isLast`.
    package var through: Int64
    package var isLast: Bool

    package init(items: [Item], through: Int64, isLast: Bool) {
        self.items = items
        self.through = through
        self.isLast = isLast
    }

    package func encoded() -> [UInt8] {
        var out = ByteWriter(reserving: 64 + items.count * 64)
        out.put(isLast)
        out.put(unsigned: UInt64(through))
        out.put(items)
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        isLast = try input.flag()
        through = Int64(try input.unsigned(atMost: 1 << 60, "commit number"))
        items = try input.rowItems()
        try input.finish()
    }
}

extension ByteWriter {
    mutating func put(_ items: [RowsMessage.Item]) {
        put(items.count)
        var before: [UInt8] = []
        for item in items {
            put(path: item.path, after: before)
            before = item.path.key
            put(item.state)
        }
    }

    private mutating func put(_ state: RowsMessage.Item.State) {
        switch state {
        case .gone: put(UInt8(0))
        case .agreed(let agreed):
            put(UInt8(1))
            put(agreed)
        case .residue(let agreed):
            put(UInt8(2))
            put(agreed)
        case .conflict(let conflict):
            put(UInt8(3))
            put(conflict)
        case .withheld(let agreed):
            put(UInt8(4))
            put(agreed)
        case .kept(let agreed):
            put(UInt8(5))
            put(agreed)
        }
    }
}

extension ByteReader {
    mutating func rowItems() throws(WireFault) -> [RowsMessage.Item] {
        var items: [RowsMessage.Item] = []
        var before = TreePath.root
        var room = ChangesMessage.expandedBytesMax
        for _ in 0..<(try int(atMost: RowsMessage.rowsMax, "number of rows")) {
            before = try path(after: before, &room)
            if before.isRoot { throw WireFault("a row of the root itself") }
            items.append(RowsMessage.Item(path: before, state: try rowState(of: before)))
        }
        return items
    }

    private mutating func rowState(of path: TreePath) throws(WireFault) -> RowsMessage.Item.State {
        switch try byte() {
        case 0: return .gone
        case 1: return .agreed(try agreedEntry())
        case 2:
            let agreed = try agreedEntry()
            if !agreed.isDirectory { throw WireFault("residue that is no directory") }
            return .residue(agreed)
        case 3: return .conflict(try conflict(at: path))
        case 4: return .withheld(try agreedEntry())
        case 5: return .kept(try agreedEntry())
        default: throw WireFault("unknown state of a row")
        }
    }
}
