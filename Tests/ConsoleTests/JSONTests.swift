import Console
import Core
import Foundation
import Testing

@Suite struct JSONTests {
    private func parsed(_ line: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    @Test func strings_surviveAnIndependentReader() throws {
        let text = "a\"b\\c\n\r\t\u{0}\u{1F}\u{7F}\u{85}\u{2028}é日🚀/"
        let line = JSONValue.object([("k", .string(text))]).text
        #expect(try parsed(line)["k"] as? String == text)
        #expect(!line.contains("\n"))
        #expect(!line.unicodeScalars.contains { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) })
    }

    @Test func numbers_areExact() {
        let numbers: [JSONValue] = [
            .unsigned(.max), .integer(-3), .number(2.3456), .number(-0.5), .number(.nan), .number(.infinity),
            .number(0),
        ]
        #expect(JSONValue.array(numbers).text == "[18446744073709551615,-3,2.346,-0.500,null,null,0.000]")
        #expect(JSONValue.array([.bool(true), .null, .object([])]).text == "[true,null,{}]")
    }

    @Test func summary_hasExactlyTheDocumentedFieldsInOrder() throws {
        let edge = summary(identity("build", "eu"), .problems) {
            $0.counts.files = 3
            $0.counts.problems = 1
            $0.counts.bytesPayload = 12
            $0.bytesSent = 99
            $0.seconds = 1.5
        }
        #expect(
            EventJSON.summary([edge]) == #"{"type":"summary","edges":[{"edge":"build -> eu","session":"t-build-eu","#
                + #""state":"problems","exit":4,"files":3,"directories":0,"symlinks":0,"deleted":0,"renamed":0,"#
                + #""conflicts":0,"problems":1,"bytes_payload":12,"bytes_sent":99,"bytes_received":0,"seconds":1.500}]}"#
        )
    }

    @Test func problem_namesAPathThatIsNotUTF8() throws {
        let path = TreePath(trusted: [0x61, 0, 0xFF, 0x0A])
        let error = HeadwaterError("read.denied", "no", remedy: "chmod it", path: path, cause: "EACCES")
        let line = try #require(EventJSON.line(for: .problem(edge: identity("a", "b"), error)))
        let object = try parsed(line)
        #expect(object["type"] as? String == "problem")
        #expect(object["path"] as? String == #"a/\xff\x0a"#)
        #expect(object["code"] as? String == "read.denied")
    }

    @Test func everyEvent_isOneObjectOfOneLine() throws {
        let edge = identity("a", "b")
        let error = HeadwaterError("x.y", "m\nn", remedy: "r")
        let failed = summary(edge, .edgeFailed) { $0.error = error }
        let skipped = summary(edge, .halted) { $0.skippedBecauseOf = identity("z", "a") }
        let events: [Event] = [
            .started(edge: edge), .progress(edge: edge, Progress(phase: .scanning)), .problem(edge: edge, error),
            .warning(edge: nil, error), .finished(failed), .finished(skipped),
        ]
        for event in events {
            let line = try #require(EventJSON.line(for: event))
            #expect(!line.contains("\n"))
            #expect(try parsed(line)["type"] is String)
        }
        #expect(EventJSON.line(for: .detail(edge: nil, "x")) == nil)
        #expect(try parsed(EventJSON.version)["headwater"] as? String == Version.headwater)
    }
}
