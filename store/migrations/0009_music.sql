-- Hold music of the operator's: playlists, and the files that they are made of, which lie in music/NAME/ beside the database.
CREATE TABLE playlists (
    name    TEXT    PRIMARY KEY CHECK (name <> ''),
    shuffle INTEGER NOT NULL CHECK (shuffle IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE tracks (
    playlist    TEXT    NOT NULL REFERENCES playlists (name) ON DELETE CASCADE,
    position    INTEGER NOT NULL,  -- 1, 2, …
    file        TEXT    NOT NULL UNIQUE CHECK (file <> ''),  -- its name in the playlist's directory
    title       TEXT    NOT NULL,
    samples     INTEGER NOT NULL CHECK (samples > 0),  -- at 16 kHz
    lufs_before REAL    NOT NULL,  -- as it came, mixed to one channel
    lufs        REAL    NOT NULL,  -- as it is stored
    PRIMARY KEY (playlist, position)
) STRICT, WITHOUT ROWID;
