import Glibc
import Platform

StandardStreams.fill()
// A reader that went away is an error of `write`, not the end of the process.
signal(SIGPIPE, SIG_IGN)
signal(SIGXFSZ, SIG_IGN)
let status = Program.run(Array(CommandLine.arguments.dropFirst())).rawValue
SecretPrompt.putBackTerminal()
exit(Int32(status))
