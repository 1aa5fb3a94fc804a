import Console
import Foundation
import Testing

@testable import Topologies

@Suite struct DiffTextTests {
    private let changes = [
        TopologyChange(kind: .added, subject: .peer, name: "asia", detail: "asia:/srv"),
        TopologyChange(
            kind: .renamed, subject: .edge, name: "build -> eu", session: "s", detail: nil,
            fields: [
                .init(key: "max_delete", old: nil, new: "7", standard: "50%"),
                .init(key: "mount", old: "a\u{1B}", new: nil),
            ],
            consequences: ["the next run refuses"]),
    ]

    @Test func text_hasALinePerKeyAndConsequence_andCounts() {
        let text = DiffText.lines(changes).map { $0.rendered(colour: false) }
        #expect(
            text == [
                "+ peer asia  asia:/srv", "~ edge build -> eu  session s", "    max_delete: 50% (default) → 7",
                "    mount: a\\x1b → none", "    ! the next run refuses", "", "1 peer added; 1 edge renamed",
            ])
        #expect(DiffText.lines([]).map { $0.rendered(colour: false) } == ["no difference"])
    }

    @Test func json_hasEveryMember() throws {
        let text = DiffText.json(changes)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let list = try #require(object["changes"] as? [[String: Any]])
        #expect(object["version"] as? Int == 1 && list.count == 2 && !text.contains("\n"))
        #expect(
            Set(list[1].keys) == ["kind", "subject", "name", "session", "detail", "fields", "consequences"])
        let field = try #require((list[1]["fields"] as? [[String: Any]])?.first)
        #expect(field["old"] is NSNull && field["new"] as? String == "7" && field["default"] as? String == "50%")
    }
}
