import ReconciliationRig
import Testing

/// The tables of outcomes, each row as whole cycles of production's deciding over trees in memory.
@Suite struct CycleTableTests {
    @Test(arguments: BidiRow.all, [0, 2])
    func bidi(_ row: BidiRow, lag: Int) throws {
        let findings = try row.run(lag: lag)
        #expect(findings.isEmpty, "\(row.name): \(findings)")
    }

    @Test(arguments: SettlingRow.cases)
    func conflictThatStands(_ row: SettlingRow) throws {
        let findings = try row.run()
        #expect(findings.isEmpty, "\(row.name): \(findings)")
    }

    @Test(arguments: PushRow.cases)
    func push(_ row: PushRow) throws {
        let findings = try row.run()
        #expect(findings.isEmpty, "\(row.name): \(findings)")
    }
}

extension BidiRow: CustomTestStringConvertible { public var testDescription: String { name } }

extension SettlingRow: CustomTestStringConvertible { public var testDescription: String { name } }

extension PushRow: CustomTestStringConvertible { public var testDescription: String { name } }
