import Core

/// The file that `init` writes: small, valid, and explained where it stands.
package enum Starter {
    /// - Parameter file: the file it is for; its name becomes the topology's where it can.
    package static func text(for file: String) -> String {
        let stem = TopologyReader.stem(of: file)
        let isNamed = Name.isValid(stem) && stem != "headwater"
        return template.replacing("NAME", with: isNamed ? stem : "site")
    }

    private static let template = """
        # Who feeds whom. Change the peers below, then:
        #
        #   headwater validate    checks this file, without touching any machine
        #   headwater graph       draws it
        #   headwater run         brings every edge in step, then ends
        #
        # For completion and explanations in your editor: headwater schema > headwater.schema.json
        # yaml-language-server: $schema=headwater.schema.json

        # The version of the format.
        headwater: 1

        # Begins the name of every session: choose it now, and keep it.
        name: NAME

        peers:
          # A directory on this machine.
          source: /srv/NAME

          # One on another machine, as scp writes it; login, port and keys come from ~/.ssh/config.
          mirror: deploy@mirror.example.com:/srv/NAME

          # Key by key, where the SSH configuration does not say enough. `.mounted` must exist in the directory,
          # or the disk counts as unmounted, and nothing is written or deleted.
          # archive: {host: archive.example.com, port: 2222, identity: ~/.ssh/id_ed25519, path: /mnt/NAME, mount: .mounted}

        edges:
          # upstream -> downstream: the downstream directory becomes as the upstream one is.
          - source -> mirror

          # With keys of its own: halt before a cycle deletes more than a tenth (by default, half).
          # - {from: source, to: archive, max_delete: 10%}

        """
}
