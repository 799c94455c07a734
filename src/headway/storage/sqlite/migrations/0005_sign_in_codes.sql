-- One-time codes that sign a browser in, valid for about a minute. Only the digest of a code is stored.
CREATE TABLE sign_in_codes (
    digest          TEXT NOT NULL PRIMARY KEY, -- SHA-256, in hexadecimal digits
    user_id         TEXT NOT NULL, -- the learner whom it signs in
    scopes          TEXT NOT NULL, -- a JSON list, as are the courses to which they are limited
    courses         TEXT,
    session_ends_at TEXT, -- the expiry of the token with which the code was requested
    ends_at         TEXT NOT NULL
) WITHOUT ROWID;
