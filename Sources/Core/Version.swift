/// What this build calls itself.
package enum Version {
    /// Of the product, as `--version` prints it and the agent's cache directory is named after.
    package static let headwater = "0.1.0"
    /// Of the wire format; both ends must speak the same.
    package static let protocolNumber = 1
}
