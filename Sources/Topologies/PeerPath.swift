import Core

/// The path of a peer, lexically normalised: absolute, or beneath the home directory of the login.
struct PeerPath: Hashable, Sendable {
    enum Fault: Error { case empty, relative, wholeTree, wholeHome, leavesHome, otherHome, component(String) }

    var isInHome: Bool
    /// As bytes: Swift's strings would take two spellings of `é` for one name.
    var components: [[UInt8]]

    init(_ text: String) throws(Fault) {
        if text.isEmpty { throw .empty }
        isInHome = text == "~" || text.hasPrefix("~/")
        if !isInHome, text.hasPrefix("~") { throw .otherHome }
        if !isInHome, !text.hasPrefix("/") { throw .relative }
        guard let folded = PeerPath.fold(isInHome ? text.dropFirst() : text[...], mayLeave: !isInHome) else {
            throw .leavesHome
        }
        components = folded
        if components.isEmpty { throw isInHome ? .wholeHome : .wholeTree }
        try PeerPath.check(components)
    }

    /// A path that a machine reported.
    init(realComponents: [[UInt8]]) { (isInHome, components) = (false, realComponents) }

    /// The components of a path beneath a tree, for `subpath` and `mount`; nil for what is empty, absolute or leads out.
    static func beneath(_ text: String) -> [[UInt8]]? {
        guard !text.hasPrefix("/"), !text.hasPrefix("~"), let folded = fold(text[...], mayLeave: false), !folded.isEmpty
        else { return nil }
        return (try? check(folded)) == nil ? nil : folded
    }

    var text: String { (isInHome ? "~/" : "/") + PeerPath.text(components) }

    static func text(_ components: [[UInt8]]) -> String {
        components.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
    }

    /// Without empty components, `.` and `..`; nil if `..` leads above the start and may not.
    private static func fold(_ text: Substring, mayLeave: Bool) -> [[UInt8]]? {
        var folded: [[UInt8]] = []
        for component in text.utf8.split(separator: UInt8(ascii: "/")) where !component.elementsEqual(".".utf8) {
            if !component.elementsEqual("..".utf8) {
                folded.append(Array(component))
            } else if folded.popLast() == nil, !mayLeave {
                return nil
            }
        }
        return folded
    }

    private static func check(_ components: [[UInt8]]) throws(Fault) {
        for component in components {
            if TreePath.fault(inName: component[...]) != nil {
                throw .component(String(decoding: component, as: UTF8.self))
            }
        }
        if components.reduce(components.count, { $0 + $1.count }) > 4095 { throw .component("…") }
    }
}
