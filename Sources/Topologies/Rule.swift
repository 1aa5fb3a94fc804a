/// Every rule that a topology file can break. The ids are stable: they are never given to another rule.
///
/// Each one stands in `docs/topology.md` with an example that breaks exactly it, and a test holds that.
package enum Rule: String, Sendable, CaseIterable {
    // The file and its YAML
    case unreadable = "HW001"
    case tooLarge = "HW002"
    case encoding = "HW003"
    case syntax = "HW004"
    case severalDocuments = "HW005"
    case alias = "HW006"
    case tag = "HW007"
    case duplicateKey = "HW008"
    case mergeKey = "HW009"
    case controlCharacter = "HW010"
    case empty = "HW011"
    case tab = "HW012"
    // Keys and values
    case wrongType = "HW020"
    case unknownKey = "HW021"
    case missingKey = "HW022"
    case badValue = "HW023"
    case version = "HW024"
    case badName = "HW025"
    case badPath = "HW026"
    case badEdge = "HW027"
    case badHost = "HW028"
    case contradiction = "HW029"
    case filterRule = "HW030"
    case filterFile = "HW031"
    // The graph
    case loop = "HW101"
    case twoWriters = "HW102"
    case edgeToItself = "HW103"
    case unknownPeer = "HW104"
    case unusedPeer = "HW105"
    case sameSession = "HW106"
    case sharedDatabase = "HW107"
    case databaseInTree = "HW108"
    case sessionNeedsName = "HW109"
    case sameButForCase = "HW110"
    // What a later version brings
    case notSupportedYet = "HW900"

    package var id: String { rawValue }

    package var severity: Severity { self == .unusedPeer ? .warning : .error }

    /// A few words that name the rule, as in `HW101 loop`.
    package var title: String { Rule.titles[self]! }

    private static let titles: [Rule: String] = [
        .unreadable: "unreadable file", .tooLarge: "too large", .encoding: "not UTF-8", .syntax: "not YAML",
        .severalDocuments: "several documents", .alias: "anchor or alias", .tag: "tag",
        .duplicateKey: "duplicate key", .mergeKey: "merge key", .controlCharacter: "control character",
        .empty: "empty file", .tab: "tab",
        .wrongType: "wrong type", .unknownKey: "unknown key", .missingKey: "missing key", .badValue: "bad value",
        .version: "format version", .badName: "bad name", .badPath: "bad path", .badEdge: "bad edge",
        .badHost: "bad host", .contradiction: "contradiction", .filterRule: "bad filter rule",
        .filterFile: "filter file",
        .loop: "loop", .twoWriters: "two writers", .edgeToItself: "edge to itself", .unknownPeer: "unknown peer",
        .unusedPeer: "unused peer", .sameSession: "same session name", .sharedDatabase: "shared database",
        .databaseInTree: "database in a tree", .sessionNeedsName: "session needs a name",
        .sameButForCase: "same but for case",
        .notSupportedYet: "not supported yet",
    ]
}

package enum Severity: String, Sendable { case error, warning }
