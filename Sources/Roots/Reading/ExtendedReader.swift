import Core
import Glibc
import Platform

/// Reads extended attributes and ACLs of one tree, path by path: only where somebody asks. One thread's own.
package final class ExtendedReader: ExtendedReading {
    private let root: Root
    private let cursor: TreeCursor
    /// Where what is seen at a path really is.
    package var place: (TreePath) -> TreePath = { $0 }

    package init(_ root: Root) {
        self.root = root
        cursor = TreeCursor(root: root.descriptor.raw)
    }

    /// Asked of the root, once.
    package private(set) lazy var scope: ExtendedAttributes.Scope = {
        var scope = ExtendedAttributes.Scope.all
        for (name, one) in [
            ("user.headwater", ExtendedAttributes.Scope.user), ("trusted.headwater", .trusted),
            ("security.capability", .capability),
        ] where DescriptorExtended.isKnown(root.descriptor.raw, name) == false { scope.remove(one) }
        return scope
    }()

    package private(set) lazy var hasLists =
        DescriptorExtended.isKnown(root.descriptor.raw, "system.posix_acl_access") != false

    package func read(
        _ path: TreePath, _ identity: LocalIdentity, _ kind: EntryKind, scope: ExtendedAttributes.Scope?, lists: Bool
    ) -> Extended? {
        // Directories may be elsewhere since they were opened.
        cursor.invalidate()
        guard let raw = try? cursor.openFile(place(path), Descriptor.pathOnly | O_NOFOLLOW) else { return nil }
        defer { close(raw) }
        guard let status = try? FileStatus(descriptor: raw), status.inode == identity.inode, status.kind == kind
        else { return nil }
        do throws(SystemError) { return try read(raw, kind, scope, lists) } catch {
            var found = Extended()
            found.fault = .unreadable(error.errno)
            return found
        }
    }

    private func read(_ raw: Int32, _ kind: EntryKind, _ scope: ExtendedAttributes.Scope?, _ lists: Bool)
        throws(SystemError) -> Extended
    {
        var found = Extended()
        let names = try DescriptorExtended.names(raw)
        if let scope {
            var list: [ExtendedAttribute] = []
            for name in names where ExtendedAttributes.Scope(of: name).map(scope.contains) ?? false {
                guard let value = try DescriptorExtended.value(raw, name) else { continue }
                list.append(ExtendedAttribute(name: name, value: value))
            }
            let isInBounds = ExtendedAttributes(scope, list).bytesCount <= ExtendedAttributes.bytesMax
            if isInBounds { found.attributes = list } else { found.fault = .tooLarge }
        }
        if lists {
            let both = AccessLists(
                access: try list(raw, DescriptorExtended.accessList, names),
                standard: kind == .directory ? try list(raw, DescriptorExtended.standardList, names) : nil)
            if both.bytesCountMax <= AccessLists.bytesMax { found.lists = both } else { found.fault = .tooLarge }
        }
        return found
    }

    private func list(_ raw: Int32, _ name: [UInt8], _ names: [[UInt8]]) throws(SystemError) -> AccessList? {
        guard names.contains(name), let bytes = try DescriptorExtended.value(raw, name) else { return nil }
        return AccessListCoding.decode(bytes, isAccess: name == DescriptorExtended.accessList)
    }
}

extension AccessLists {
    /// What they may take when each number gets its name.
    fileprivate var bytesCountMax: Int {
        bytesCount + ((access?.entries.count ?? 0) + (standard?.entries.count ?? 0)) * Account.nameBytesUsual
    }
}
