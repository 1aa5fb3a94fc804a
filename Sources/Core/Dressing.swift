/// What of an entry's attributes is set here, and what it gets beside them.
package struct Dressing: Hashable, Sendable {
    /// False: a standing entry keeps its mode.
    package var setsMode = true
    /// False: times are what they come to be.
    package var setsTime = true
    /// Of setuid and setgid those that may be set.
    package var specialBits: UInt16 = 0
    /// Nil: who makes it.
    package var user: UInt32?
    package var group: UInt32?
    /// What it has of these namespaces afterwards; nil: what it has stays.
    package var attributes: ExtendedAttributes?
    /// By the numbers of this end; nil: what it has stays.
    package var lists: AccessLists?

    package init() {}

    /// Mode and time alone.
    package static let plain = Dressing()

    package func mode(of attributes: Attributes) -> UInt16 { AppliedMode.of(attributes, special: specialBits) }
}
