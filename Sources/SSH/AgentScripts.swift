import Platform

/// The two scripts that run on far hosts to find, check, store and start the agent. POSIX sh, one line each.
///
/// What they report stands on lines with a random marker: what a login shell's start files print before is skipped. The marker is put
/// together on the far side, so that an echo of the command is not taken for a report. What they do is explained in `docs/ssh.md`.
enum AgentScripts {
    /// 24 hexadecimal digits.
    static func newMarker() -> String { Host.randomBytes(12).hex }

    /// `q PATHS`: what `stat` says, a line each: type and mode, owner, size, device, inode, times. `h FILE`: its SHA-256, or nothing.
    /// `w STATUS`: stamps the agent as verified in that state.
    private static func prelude(_ agent: AgentBinary, _ marker: String) -> [String] {
        [
            "m=\(marker.prefix(12)); m=${m}\(marker.dropFirst(12)); D=\(agent.digest);",
            "d=${XDG_CACHE_HOME:-$HOME/.cache}/headwater/\(agent.directoryName); a=$d/headwater-agent; k=$d.verified;",
            "q() { TZ=UTC0 LC_ALL=C stat -c \"%f %u %s %d %i %y %z\" \"$@\" 2>/dev/null; };",
            "h() { x=$({ sha256sum || shasum -a 256 || openssl dgst -r -sha256; } < \"$1\" 2>/dev/null);",
            "echo \"${x%% *}\"; };",
            "w() { if [ -n \"$1\" ]; then (umask 077; echo \"$D $1\" > \"$k.$$\" && mv -f \"$k.$$\" \"$k\") 2>/dev/null; fi; };",
        ]
    }

    /// Reports `MARKER ok PATH` and becomes the agent with `$@` (or ends, without `becomes`); reports `MARKER missing SYSTEM MACHINE` when no
    /// agent with the right digest is there.
    ///
    /// A deployed agent counts as checked when it and its directory are ours and private and the stamp holds the digest together with
    /// exactly what `stat` says now; otherwise it is digested, and stamped. One on PATH is digested each time.
    static func start(_ agent: AgentBinary, _ marker: String, becomes: Bool) -> String {
        let become = becomes ? "exec \"$p\" \"$@\";" : "exit 0;"
        return
            (prelude(agent, marker) + [
                "p=;",
                "if [ -f \"$a\" ] && [ -O \"$a\" ] && [ -O \"$d\" ]; then s=$(q \"$d\" \"$a\");",
                "case $s in \"\"|4?c0\" \"*81c0\" \"*)",
                "if [ -n \"$s\" ] && [ \"$D $s\" = \"$(cat \"$k\" 2>/dev/null)\" ]; then p=$a;",
                "elif [ \"$(h \"$a\")\" = $D ]; then p=$a; w \"$s\"; fi;;",
                "esac; fi;",
                "if [ -z \"$p\" ]; then c=$(command -v headwater-agent);",
                "if [ -n \"$c\" ] && [ \"$(h \"$c\")\" = $D ]; then p=$c; fi; fi;",
                "if [ -n \"$p\" ]; then echo; echo \"$m ok $p\"; \(become) fi;",
                "echo; echo \"$m missing $(uname -s) $(uname -m)\"",
            ]).joined(separator: " ")
    }

    /// Stores the agent that comes on standard input; reports `MARKER done PATH` or `MARKER failed STEP WORDS`.
    static func store(_ agent: AgentBinary, _ marker: String) -> String {
        (prelude(agent, marker) + [
            "LC_ALL=C; export LC_ALL; umask 077; t=$d/.tmp-\(marker);",
            "f() { rm -f \"$t\"; echo; echo \"$m failed $*\"; exit 0; };",
            "e=$({ mkdir -p \"$d\" && chmod 0700 \"$d\"; } 2>&1) || f directory \"$e\";",
            "find \"$d\" -name \".tmp-*\" -mtime +0 -exec rm -f {} + 2>/dev/null;",
            "e=$({ cat > \"$t\"; } 2>&1) || f write \"$e\";",
            "[ \"$(wc -c < \"$t\")\" -eq \(agent.size) ] || f cut;",
            "e=$({ chmod 0700 \"$t\" && { sync \"$t\" 2>/dev/null || sync; }; } 2>&1) || f write \"$e\";",
            "x=$(h \"$t\"); [ -n \"$x\" ] || f tool; [ \"$x\" = $D ] || f digest \"$x\";",
            "e=$(\"$t\" --version 2>&1 </dev/null >/dev/null); r=$?; case $r in 126|127) f exec $r \"$e\";; esac;",
            "e=$({ mv -f \"$t\" \"$a\" && { sync \"$d\" 2>/dev/null || sync; }; } 2>&1) || f write \"$e\";",
            "w \"$(q \"$d\" \"$a\")\"; echo; echo \"$m done $a\"",
        ]).joined(separator: " ")
    }
}
