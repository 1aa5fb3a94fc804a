import Testing

/// Each canary (`scripts/canaries.sh`) still names a line of the product.
@Suite struct CanaryTests {
    @Test func everyCanary_namesALineThatIsThere() {
        let rows = Repository.text("scripts/canaries.tsv").split(separator: "\n")
        #expect(rows.count > 40)
        for row in rows {
            let parts = row.split(separator: "\t", omittingEmptySubsequences: false)
            #expect(parts.count == 3 && !parts[1].isEmpty && parts[1] != parts[2], "\(row)")
            guard parts.count == 3 else { continue }
            let text = Repository.text("Sources/Reconciliation/\(parts[0])")
            #expect(text.contains(parts[1]), "\(parts[0]) has no line any more with: \(parts[1])")
        }
    }
}
