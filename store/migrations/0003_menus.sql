-- What the keys of a conference's members do, by the name of the menu. Actions are spelled as in confbridge.conf:
-- separated by commas. A menu without entries is none.
CREATE TABLE menu_entries (
    menu    TEXT NOT NULL CHECK (menu <> ''),
    keys    TEXT NOT NULL CHECK (keys <> '' AND keys NOT GLOB '*[^0-9A-D*#]*'),
    actions TEXT NOT NULL CHECK (actions <> ''),
    PRIMARY KEY (menu, keys)
) STRICT, WITHOUT ROWID;
