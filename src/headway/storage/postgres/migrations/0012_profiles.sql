-- Learner profiles, and the words by whose beginnings a search finds them, distributed by user_id. The program makes
-- the sort key from the name, and the words from the name, the e-mail and the external id.
CREATE TABLE profiles (
    user_id     uuid NOT NULL PRIMARY KEY,
    name        text,
    email       text,
    external_id text,
    locale      text,
    time_zone   text,
    claimed     text NOT NULL, -- the names of the fields that come from a token's claims, with spaces between
    sort_key    bytea NOT NULL, -- x'ff' without a name, after all names
    words       text NOT NULL, -- all words, each with a space before it
    version     bigint NOT NULL
);
CREATE INDEX profiles_by_name ON profiles (sort_key, user_id);

CREATE TABLE profile_words (
    user_id uuid NOT NULL,
    word    text COLLATE "C" NOT NULL, -- compared by bytes, as beginnings of words are
    PRIMARY KEY (user_id, word)
);
CREATE INDEX profile_words_by_word ON profile_words (word, user_id);
