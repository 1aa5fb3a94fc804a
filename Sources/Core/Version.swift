/// Which Headwater this is.
package enum Version {
    package static let headwater = "0.1.0"
    /// The version of the protocol between the two ends of a session; both must speak the same.
    package static let protocolNumber = 7
}
