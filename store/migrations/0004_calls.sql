-- Calls that are over. Rooms and phones stand here by the numbers that they had, for a row outlives them.
-- Times are milliseconds since 1970 in UTC. NULL is what did not happen or is not known.
CREATE TABLE calls (
    id         INTEGER PRIMARY KEY,
    call       TEXT    NOT NULL,  -- our tag of the dialog, as in the log
    direction  TEXT    NOT NULL CHECK (direction IN ('in', 'out')),
    dialled    TEXT    NOT NULL,
    room       TEXT    NOT NULL,  -- extension; empty: no room was reached
    room_name  TEXT    NOT NULL,
    number     TEXT    NOT NULL,  -- of the far end, as it says
    name       TEXT    NOT NULL,
    address    TEXT    NOT NULL,  -- host of the far end
    phone      TEXT    NOT NULL,  -- extension of the phone that the far end has proven to be
    trunk      TEXT    NOT NULL,  -- name of the trunk that the call went over; both empty: a guest
    role       TEXT    NOT NULL,  -- empty: did not become a member
    started    INTEGER NOT NULL,
    answered   INTEGER,
    entered    INTEGER,           -- became a member
    ended      INTEGER NOT NULL,
    result     TEXT    NOT NULL CHECK (result <> ''),
    reason     TEXT    NOT NULL,
    codec      TEXT    NOT NULL,  -- empty: no audio was agreed on
    received   INTEGER NOT NULL,  -- RTP packets
    lost       INTEGER NOT NULL,  -- never came
    late       INTEGER NOT NULL,  -- came too late to be heard
    sent       INTEGER NOT NULL,
    jitter     REAL    NOT NULL,  -- ms, as it was at the end
    delay      REAL    NOT NULL,  -- ms, of the jitter buffer at the end
    round_trip REAL,              -- ms
    far_loss   REAL,              -- percent of what we sent, as the far end says
    mos        REAL
) STRICT;

CREATE INDEX calls_by_start ON calls (started);
CREATE INDEX calls_by_room ON calls (room, started);
