import Core
import Glibc

/// Names and numbers of users and groups, as this machine's directory services have them. Each is asked for once.
///
/// Blocks where they are far away. 0 is the same everywhere and has no name here.
package final class AccountNames: AccountDirectory {
    private struct Known: Sendable {
        var userNames: [UInt32: [UInt8]?] = [:]
        var groupNames: [UInt32: [UInt8]?] = [:]
        var userIDs: [[UInt8]: UInt32?] = [:]
        var groupIDs: [[UInt8]: UInt32?] = [:]
    }

    private let known = Monitor(Known())

    /// This machine's.
    package static let system = AccountNames()

    private init() {}

    package func user(_ id: UInt32) -> Account { Account(id: id, name: id == 0 ? nil : userName(id)) }

    package func group(_ id: UInt32) -> Account { Account(id: id, name: id == 0 ? nil : groupName(id)) }

    package func userID(of account: Account) -> UInt32 {
        guard let name = account.name else { return account.id }
        return find(name, \.userIDs) { name in
            ask(passwd(), \.pw_uid) { getpwnam_r(AccountNames.text(name), $0, $1, $2, $3) }
        } ?? account.id
    }

    package func groupID(of account: Account) -> UInt32 {
        guard let name = account.name else { return account.id }
        return find(name, \.groupIDs) { name in
            ask(Glibc.group(), \.gr_gid) { getgrnam_r(AccountNames.text(name), $0, $1, $2, $3) }
        } ?? account.id
    }

    private func userName(_ id: UInt32) -> [UInt8]? {
        find(id, \.userNames) { id in
            ask(passwd(), { AccountNames.name($0.pw_name) }) { getpwuid_r(id, $0, $1, $2, $3) } ?? nil
        }
    }

    private func groupName(_ id: UInt32) -> [UInt8]? {
        find(id, \.groupNames) { id in
            ask(Glibc.group(), { AccountNames.name($0.gr_name) }) { getgrgid_r(id, $0, $1, $2, $3) } ?? nil
        }
    }

    /// A name that fits into a message.
    private static func name(_ text: UnsafePointer<CChar>?) -> [UInt8]? {
        guard let text, (1...Account.nameBytesMax).contains(strlen(text)) else { return nil }
        return Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }

    private static func text(_ name: [UInt8]) -> [CChar] { name.map { CChar(bitPattern: $0) } + [0] }

    /// Calls one of the four with a buffer that is large enough; nil where it finds nobody.
    private func ask<Entry, Value>(
        _ empty: Entry, _ read: (Entry) -> Value,
        _ call: (
            UnsafeMutablePointer<Entry>, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutablePointer<UnsafeMutablePointer<Entry>?>
        ) -> Int32
    ) -> Value? {
        var size = 1024
        while true {
            var entry = empty
            var found: UnsafeMutablePointer<Entry>?
            var buffer = [CChar](repeating: 0, count: size)
            let (result, value) = buffer.withUnsafeMutableBufferPointer { room -> (Int32, Value?) in
                let result = call(&entry, room.baseAddress!, room.count, &found)
                return (result, result == 0 && found != nil ? read(entry) : nil)
            }
            guard result == ERANGE, size < AccountNames.bufferBytesMax else { return value }
            size *= 2
        }
    }

    /// A group with more members than fit has no name here.
    private static let bufferBytesMax = 16 << 20

    private func find<Key: Hashable & Sendable, Value: Sendable>(
        _ key: Key, _ table: WritableKeyPath<Known, [Key: Value?]>, _ ask: (Key) -> Value?
    ) -> Value? {
        if let found = known.read({ $0[keyPath: table][key] }) { return found }
        let found = ask(key)
        known.read { $0[keyPath: table][key] = .some(found) }
        return found
    }
}
