-- PINs that were not right: who has failed, or whose room it was. Times are milliseconds since 1970 in UTC.
CREATE TABLE pin_failures (
    who TEXT    NOT NULL CHECK (who <> ''),
    at  INTEGER NOT NULL
) STRICT;

CREATE INDEX pin_failures_by_who ON pin_failures (who, at);
