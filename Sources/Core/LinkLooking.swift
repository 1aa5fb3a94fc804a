/// Which files of one end's tree are names of one another, among those that the session sees.
///
/// One of the names stands for all: one that was agreed on as standing for others, else one that was agreed on, else the first.
package protocol LinkLooking: AnyObject {
    /// The name that stands for all of the file's at this path; nil where it has no others.
    func leader(at path: TreePath) -> TreePath?
    /// All names of the file at this path, itself among them.
    func names(at path: TreePath) -> [TreePath]
    /// The path is not to be one of its file's names any more when this cycle ends.
    func leave(_ path: TreePath)
}
