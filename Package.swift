// swift-tools-version: 6.3
import PackageDescription

/// Warnings are errors where the project itself is checked; a user's newer compiler may warn in peace.
let strict = Context.environment["CI"] != nil || Context.environment["HEADWATER_STRICT"] != nil
let settings: [SwiftSetting] = strict ? [.treatAllWarnings(as: .error)] : []
/// For what loops over bytes, and for what builds, reads and compares whole trees: unoptimised that is most of the time that the tests
/// take.
let optimised: [SwiftSetting] = settings + [.unsafeFlags(["-O"])]

/// A Swift module under `Sources/`; what it may import is the list of `docs/architecture.md`, held by `LayerTests`.
///
/// - Parameters:
///   - documents: links into `docs/`, whose text the module carries, so that the program and its documents cannot differ.
///   - symbols: of its archives, in whose place its C code is linked.
func module(
    _ name: String, _ dependencies: [Target.Dependency], archives: [String] = [], documents: [String] = [],
    wrapping symbols: [String] = [], settings: [SwiftSetting] = settings
) -> Target {
    .target(
        name: name, dependencies: dependencies, resources: documents.map { .embedInCode($0) }, swiftSettings: settings,
        linkerSettings: archives.map { .linkedLibrary(":\($0).a") }
            + symbols.map { .unsafeFlags(["-Xlinker", "--wrap=\($0)"]) })
}

func library(_ name: String) -> Target { .systemLibrary(name: name, path: "Sources/C/\(name)") }

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "headwater",
    products: [
        .executable(name: "headwater", targets: ["headwater"]),
        .executable(name: "headwater-agent", targets: ["headwater-agent"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")
    ],
    targets: [
        library("CSSH2"), library("CSQLite"), library("CYAML"), library("CZstd"), library("CXXHash"),
        library("CCrypto"),
        .target(name: "CLinux", path: "Sources/C/CLinux"),
        .target(name: "CCipher", path: "Sources/C/CCipher"),

        module("Core", [], settings: optimised),
        module("Wire", ["Core"], settings: optimised),
        module("Filters", ["Core"], settings: optimised),
        module(
            "Content", ["Core", "CZstd", "CXXHash", "CCrypto"],
            archives: ["libzstd", "libxxhash", "libcrypto"], settings: optimised),
        module("Reconciliation", ["Core", "Content"], settings: optimised),
        module("Topologies", ["Core", "Filters", "CYAML"], archives: ["libyaml"], documents: ["rules.md"]),
        module("Platform", ["Core", "CLinux"]),
        module(
            "SSH", ["Core", "Platform", "Content", "CSSH2", "CCipher"], archives: ["libssh2", "libcrypto", "libz"],
            wrapping: ["EVP_Cipher", "EVP_CIPHER_CTX_free"]),
        module("Snapshots", ["Core", "Platform", "Content", "CSQLite"], archives: ["libsqlite3"]),
        module("Roots", ["Core", "Platform", "Content"]),
        module(
            "Sessions", ["Core", "Wire", "Content", "Filters", "Reconciliation", "Platform", "Snapshots", "Roots"]),
        module(
            "Orchestration",
            ["Core", "Filters", "Topologies", "Platform", "SSH", "Sessions", "Roots", "Snapshots", "Wire", "Content"]),
        module("Console", ["Core", "Platform", "Topologies"], documents: ["errors.md"]),
        .executableTarget(
            name: "headwater", dependencies: ["Core", "Topologies", "Platform", "Orchestration", "Console", arguments],
            swiftSettings: settings),
        .executableTarget(
            name: "headwater-agent",
            dependencies: ["Core", "Platform", "Sessions", "Roots", "Snapshots", "Wire", "Content"],
            swiftSettings: settings),

        tests("CoreTests", ["Core"]),
        tests("ContentTests", ["Core", "Content", "TestSupport"]),
        tests("WireTests", ["Core", "Wire"]),
        tests("FiltersTests", ["Core", "Filters"]),
        tests(
            "ReconciliationTests",
            ["Core", "Content", "Reconciliation", "ReconciliationRig", "TestSupport", "histories"]),
        tests("SessionsTests", ["Core", "Platform", "Wire", "Roots", "Snapshots", "Sessions", "TestSupport"]),
        tests("SnapshotsTests", ["Core", "Platform", "Content", "Snapshots", "TestSupport"]),
        tests("RootsTests", ["Core", "Platform", "Content", "Roots", "TestSupport", "apply-probe"]),
        tests("TopologiesTests", ["Core", "Topologies", "TestSupport"]),
        tests("SSHTests", ["Core", "Platform", "Content", "SSH", "CCrypto", "TestSupport"]),
        tests("ConsoleTests", ["Core", "Platform", "Topologies", "Console", "TestSupport"]),
        tests(
            "OrchestrationTests",
            ["Core", "Platform", "Topologies", "Snapshots", "Sessions", "Orchestration", "TestSupport"]),
        tests("TidyTests", []),
        tests("EndToEndTests", ["TestSupport"]),
        .executableTarget(
            name: "apply-probe", dependencies: ["Core", "Platform", "Roots"], path: "Tests/apply-probe",
            swiftSettings: settings),
        .target(
            name: "TestSupport", dependencies: ["Core", "Platform"], path: "Tests/TestSupport",
            swiftSettings: optimised),
        .target(
            name: "ReconciliationRig", dependencies: ["Core", "Content", "Reconciliation"],
            path: "Tests/ReconciliationRig", swiftSettings: optimised),
        .executableTarget(
            name: "histories", dependencies: ["Core", "ReconciliationRig"], path: "Tests/histories",
            swiftSettings: optimised),
    ],
    swiftLanguageModes: [.v6]
)
