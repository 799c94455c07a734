-- Codes that let a browser in, each once, for a minute or so. What is kept of one is its digest.
CREATE TABLE sign_in_codes (
    digest          TEXT NOT NULL PRIMARY KEY, -- SHA-256, in hexadecimal digits
    user_id         TEXT NOT NULL, -- whom it lets in
    scopes          TEXT NOT NULL, -- as a JSON list, and so are the courses that they are limited to
    courses         TEXT,
    session_ends_at TEXT, -- when the token is over that it was given for
    ends_at         TEXT NOT NULL
) WITHOUT ROWID;
