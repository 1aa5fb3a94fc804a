import Testing

@testable import Core

@Suite struct ShellWordTests {
    @Test func words_areQuotedForTheShell() {
        #expect(ShellWord.quoted("/srv/a-b_c.d") == "/srv/a-b_c.d")
        #expect(ShellWord.quoted("/srv/it's $HOME") == "'/srv/it'\\''s $HOME'")
        #expect(ShellWord.quoted("") == "''")
    }

    @Test func homeOfAPath_isLeftToTheShell() {
        #expect(ShellWord.path("~/.ssh/a b") == "~/'.ssh/a b'")
        #expect(ShellWord.path("~other") == "'~other'")
    }
}
