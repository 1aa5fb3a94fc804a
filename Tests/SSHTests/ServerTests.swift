import TestSupport
import Testing

@Suite struct ServerTests {
    @Test func aServerListensAndLeavesNothing() throws {
        let server = try SSHServer()
        #expect(server.hostKeyFingerprint.hasPrefix("SHA256:"))
        server.stop()
        #expect(server.descendants().isEmpty)
    }
}
