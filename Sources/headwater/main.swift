import Glibc

// A reader that went away is an error of `write`, not the end of the process.
signal(SIGPIPE, SIG_IGN)
signal(SIGXFSZ, SIG_IGN)
exit(Int32(Program.run(Array(CommandLine.arguments.dropFirst())).rawValue))
