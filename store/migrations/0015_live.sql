-- Calls and conferences that go on now, as a process has to know them that follows one which was killed. What state holds is
-- for whoever wrote it to know.
CREATE TABLE live (
    kind  TEXT    NOT NULL,  -- 'call', 'conference', 'name': the recorded one of a member, 'server'
    id    TEXT    NOT NULL,
    state BLOB    NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),  -- starts of the server since the state was written that wanted to go on with it
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
