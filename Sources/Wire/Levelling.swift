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
        /// Nil: the path is gone.
        package var agreed: AgreedEntry?
        /// Deleted upstream and kept downstream: `agreed` is what was agreed last.
        package var isWithheld: Bool

        package init(path: TreePath, agreed: AgreedEntry?, isWithheld: Bool = false) {
            self.path = path
            self.agreed = agreed
            self.isWithheld = isWithheld
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
        out.put(items.count)
        var before: [UInt8] = []
        for item in items {
            out.put(path: item.path, after: before)
            before = item.path.key
            out.put(item.agreed) { out, agreed in
                out.put(agreed.attributes)
                out.put(agreed.digest) { $0.put($1) }
            }
            if item.agreed != nil { out.put(item.isWithheld) }
        }
        return out.bytes
    }

    package init(decoding payload: [UInt8]) throws(WireFault) {
        var input = ByteReader(payload)
        isLast = try input.flag()
        through = Int64(try input.unsigned(atMost: 1 << 60, "commit number"))
        items = []
        var before = TreePath.root
        var room = ChangesMessage.expandedBytesMax
        for _ in 0..<(try input.int(atMost: RowsMessage.rowsMax, "number of rows")) {
            before = try input.path(after: before, &room)
            if before.isRoot { throw WireFault("a row of the root itself") }
            let agreed = try input.optional { (r) throws(WireFault) in
                AgreedEntry(
                    attributes: try r.attributes(), digest: try r.optional { (d) throws(WireFault) in try d.digest() })
            }
            let isWithheld = agreed == nil ? false : try input.flag()
            items.append(Item(path: before, agreed: agreed, isWithheld: isWithheld))
        }
        try input.finish()
    }
}
