import Foundation

/// Whether the long variants run too: `make soak`.
enum Soak {
    static let isOn = ProcessInfo.processInfo.environment["HEADWATER_SOAK"] != nil
}
