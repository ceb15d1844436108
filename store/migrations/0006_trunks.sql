-- Trunks: PBXs and carriers that calls come from and go to. The password is kept in clear, because digest towards the
-- peer takes it so.
CREATE TABLE trunks (
    name       TEXT    PRIMARY KEY CHECK (name <> ''),
    peer       TEXT    NOT NULL CHECK (peer <> ''),  -- host or host:port
    transport  TEXT    NOT NULL CHECK (transport IN ('udp', 'tcp')),
    user       TEXT    NOT NULL,  -- empty: none
    password   TEXT    NOT NULL,
    register   INTEGER NOT NULL CHECK (register IN (0, 1)),
    open_rooms INTEGER NOT NULL CHECK (open_rooms IN (0, 1)),  -- callers reach rooms without a PIN
    created    INTEGER NOT NULL,
    changed    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Networks that calls over the trunk, and their audio, come from, beside the peer's own addresses: 192.0.2.0/24.
CREATE TABLE trunk_networks (
    trunk   TEXT NOT NULL REFERENCES trunks (name) ON DELETE CASCADE,
    network TEXT NOT NULL CHECK (network <> ''),
    PRIMARY KEY (trunk, network)
) STRICT, WITHOUT ROWID;

-- What the numbers of the trunk begin with before the extension: +49301234 in all forms of that number, 7 as it is.
CREATE TABLE trunk_dids (
    trunk  TEXT NOT NULL REFERENCES trunks (name) ON DELETE CASCADE,
    prefix TEXT NOT NULL CHECK (prefix <> ''),
    PRIMARY KEY (trunk, prefix)
) STRICT, WITHOUT ROWID;
