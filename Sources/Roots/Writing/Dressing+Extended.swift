import Core
import Glibc
import Platform

extension Dressing {
    /// Gives the entry its extended attributes and ACLs, as far as they differ; after its owner, before its mode, which the ACL goes by.
    ///
    /// - Throws: never ENOSPC: what the file system cannot hold of one entry concerns that path alone.
    func putExtended(on fd: Int32, _ attributes: Attributes, _ status: FileStatus) throws(SystemError) {
        if self.attributes == nil && lists == nil { return }
        do throws(SystemError) {
            let names = try DescriptorExtended.names(fd)
            if let lists, status.kind != .symlink { try put(lists, on: fd, attributes, status, names) }
            if let wanted = self.attributes { try put(wanted, on: fd, status, names) }
        } catch {
            if error.errno == ENOSPC || error.errno == EDQUOT || error.errno == ERANGE {
                throw SystemError("setxattr", E2BIG)
            }
            throw error
        }
    }

    private func put(
        _ lists: AccessLists, on fd: Int32, _ attributes: Attributes, _ status: FileStatus, _ names: [[UInt8]]
    ) throws(SystemError) {
        let mode = setsMode ? mode(of: attributes) : status.permissions
        let access = lists.access.map { AccessListCoding.encode($0, mode: mode) }
        try put(access, DescriptorExtended.accessList, on: fd, names)
        guard status.kind == .directory else { return }
        let standard = lists.standard.map { AccessListCoding.encode($0, mode: nil) }
        try put(standard, DescriptorExtended.standardList, on: fd, names)
    }

    private func put(_ value: [UInt8]?, _ name: [UInt8], on fd: Int32, _ names: [[UInt8]]) throws(SystemError) {
        let standing = names.contains(name) ? try DescriptorExtended.value(fd, name) : nil
        if standing == value { return }
        if let value {
            try DescriptorExtended.set(fd, name, value)
        } else {
            try DescriptorExtended.remove(fd, name)
        }
    }

    private func put(_ wanted: ExtendedAttributes, on fd: Int32, _ status: FileStatus, _ names: [[UInt8]])
        throws(SystemError)
    {
        let standing = names.filter { ExtendedAttributes.Scope(of: $0).map(wanted.scope.contains) ?? false }
        if standing.isEmpty && wanted.list.isEmpty { return }
        do throws(SystemError) { return try put(wanted, on: fd, standing) } catch {
            // The owner's own right to write is what the kernel goes by. The mode is set after this.
            guard error.errno == EACCES, status.userID == geteuid(), status.kind != .symlink else { throw error }
        }
        try setPermissions(descriptor: fd, status.permissions | 0o600)
        do throws(SystemError) {
            try put(wanted, on: fd, standing)
        } catch {
            try setPermissions(descriptor: fd, status.permissions)
            throw error
        }
        try setPermissions(descriptor: fd, status.permissions)
    }

    private func put(_ wanted: ExtendedAttributes, on fd: Int32, _ standing: [[UInt8]]) throws(SystemError) {
        for name in standing where !wanted.list.contains(where: { $0.name == name }) {
            try DescriptorExtended.remove(fd, name)
        }
        for one in wanted.list {
            if standing.contains(one.name), try DescriptorExtended.value(fd, one.name) == one.value { continue }
            try DescriptorExtended.set(fd, one.name, one.value)
        }
    }
}
