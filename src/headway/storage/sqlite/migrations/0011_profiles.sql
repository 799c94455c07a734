-- Learner profiles, and the words by whose beginnings a search finds them. The program makes the sort key from the
-- name, and the words from the name, the e-mail and the external id.
CREATE TABLE profiles (
    user_id     TEXT NOT NULL PRIMARY KEY,
    name        TEXT,
    email       TEXT,
    external_id TEXT,
    locale      TEXT,
    time_zone   TEXT,
    claimed     TEXT NOT NULL, -- the names of the fields that come from a token's claims, with spaces between
    sort_key    BLOB NOT NULL, -- x'ff' without a name, after all names
    words       TEXT NOT NULL, -- all words, each with a space before it
    version     INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX profiles_by_name ON profiles (sort_key, user_id);

CREATE TABLE profile_words (
    user_id TEXT NOT NULL,
    word    TEXT NOT NULL,
    PRIMARY KEY (user_id, word)
) WITHOUT ROWID;
CREATE INDEX profile_words_by_word ON profile_words (word, user_id);
