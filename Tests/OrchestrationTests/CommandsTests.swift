import Core
import Orchestration
import Testing

@Suite struct CommandsTests {
    @Test(arguments: [
        ("site.yaml", "run site.yaml --edge t-a-b"), ("/a b/it's.yaml", #"run '/a b/it'\''s.yaml' --edge t-a-b"#),
        ("~/x-1.yaml", "run '~/x-1.yaml' --edge t-a-b"), ("$HOME", "run '$HOME' --edge t-a-b"),
    ])
    func remedy_canBeTyped(_ file: String, _ command: String) {
        let error = HeadwaterError("a.b", "m", remedy: "run FILE --edge SESSION")
        #expect(error.withCommands(file: file, session: "t-a-b").remedy == command)
    }
}
