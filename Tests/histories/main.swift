import Core
import Glibc
import ReconciliationRig

// histories: whole cycles of production's own deciding over trees in memory. Says what did not hold, and ends with 1 then.
//
//     histories SEED COUNT      random histories, the same for the same seed
//     histories log SEED        what was done in one of them
//     histories tables 1        every row of the tables of outcomes
//     histories trees STEP      all small trees of all shapes against the tables of outcomes; STEP 1: all of them, 100: every hundredth
let arguments = CommandLine.arguments
guard arguments.count == 3, let number = UInt64(arguments[2]), number > 0 else {
    print("usage: histories SEED COUNT | log SEED | tables 1 | trees STEP")
    exit(2)
}
var failures: [String] = []
if let seed = UInt64(arguments[1]) {
    failures = Runs.histories(from: seed, count: number)
    print("\(number) histories from seed \(seed): \(failures.count) failed")
} else if arguments[1] == "log" {
    for line in Runs.log(number) { print(line) }
} else if arguments[1] == "tables" {
    failures = Runs.tables()
} else {
    for parents in SmallTrees.shapes {
        for isBidi in [true, false] {
            let ran = Runs.smallTrees(SmallTrees(parents), isBidi: isBidi, every: Int(number))
            print("\(ran.count) cases of \(isBidi ? "bidi" : "push"): \(ran.failures.count) failed")
            failures += ran.failures
        }
    }
}
for failure in failures { print(failure) }
exit(failures.isEmpty ? 0 : 1)
