import Core

extension ByteWriter {
    mutating func put(_ rules: [FilterRule]) {
        put(rules.count)
        for rule in rules {
            put(rule.isIncluded)
            put(rule.pattern)
        }
    }
}

extension ByteReader {
    /// Bounded in number and bytes; whether each pattern is one is for whoever compiles them.
    mutating func filterRules() throws(WireFault) -> [FilterRule] {
        var rules: [FilterRule] = []
        var bytes = 0
        for _ in 0..<(try int(atMost: FilterRule.countMax, "filter rules")) {
            let isIncluded = try flag()
            let pattern = Array(try data(atMost: FilterRule.patternBytesMax, "filter rule"))
            bytes += pattern.count
            if bytes > FilterRule.bytesMax { throw WireFault("filter rules of more than \(FilterRule.bytesMax) bytes") }
            rules.append(FilterRule(isIncluded: isIncluded, pattern: pattern))
        }
        return rules
    }
}
